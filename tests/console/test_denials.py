"""Pages that refuse: what is missing in words, and who can give it."""

from datetime import UTC, datetime

import pytest

from api.console.denials import RIGHTS, denied_in_words
from shared.access import NEVER_MAPPED, Caller, Permission, PermissionDenied
from shared.texts import FIRST, LOCALES, Words
from tests.factories import Org

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize("language", list(LOCALES))
def test_every_permission_that_is_missing_is_told_in_words_with_who_can_give_it(
    language: str, subtests: pytest.Subtests
) -> None:
    words, said = Words(language, "UTC", NOW), set[str]()
    for one in Permission:
        with subtests.test(one.value):
            with pytest.raises(PermissionDenied) as denied:
                Caller("org", "m-1").need(one)
            told = denied_in_words(denied.value, words)
            assert "token" not in told
            assert one in told
            assert words.text(RIGHTS[one]) in told
            giver = "Whoever runs" if one in NEVER_MAPPED else "administrators"
            assert (giver in told) == (language == FIRST)
            said.add(told.replace(one, ""))
    assert len(said) == len(Permission)


def test_of_two_permissions_either_would_do() -> None:
    with pytest.raises(PermissionDenied) as denied:
        Caller("org", "m-1").need(Permission.ADMIN, Permission.READ_EVENTS)
    assert "the right to administer training or read the audit log (" in denied_in_words(
        denied.value, Words(FIRST, "UTC", NOW)
    )


def test_a_page_that_refuses_says_nothing_of_a_token(org: Org) -> None:
    browser = org.visitor(Permission.VIEW)
    for path in ("/audit", "/assign", "/webhooks", "/import/people"):
        answer = browser.get(path)
        assert answer.status_code == 403, path
        assert "token" not in answer.text, path
        assert "The administrators of your organization" in answer.text or "Whoever runs this service" in answer.text
    limited = org.visitor(Permission.ADMIN, folders=["deck"]).get("/webhooks")
    assert limited.status_code == 403
    assert "token" not in limited.text
