"""Every type of event has a sentence, a short name and a noun for its subject, in every language."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.console.happenings import NAMES, NOUNS, SENTENCES, VARIANTS
from api.console.history import name_of, noun_of, tell
from shared.events import TYPES, Event
from shared.events.vocabulary.declaring import EventType
from shared.texts import FIRST, LOCALES, Words, reading

NOW = datetime(2026, 11, 27, 15, 24, tzinfo=UTC)
BY_NOBODY = {
    "assignment.due_soon",
    "assignment.overdue",
    "job.finished",
    "licence.expired",
    "licence.expiring",
    "licence.superseded",
    "webhook.disabled",
}
"""The types that nobody does: time passes, or another event of the history says who."""

LANGUAGES = list(LOCALES)


def _example(one: EventType, **changed: Any) -> Event:
    data = one.example_data | changed
    return Event(
        type=one.name, subject=one.example_subject, actor_type="member", actor_id="m-1", data=data, recorded_at=NOW
    )


def _words(language: str) -> Words:
    return Words(language, "Europe/Oslo", NOW)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_is_a_sentence_that_names_its_actor(language: str, subtests: pytest.Subtests) -> None:
    for name, one in TYPES.items():
        with subtests.test(name):
            told = tell(_example(one), {"member/m-1": "Nadia Berg"}, _words(language)).sentence
            assert "%(" not in told
            assert name not in told
            assert ("Nadia Berg" in told) == (name not in BY_NOBODY)
            if language != FIRST:
                assert told != tell(_example(one), {"member/m-1": "Nadia Berg"}, _words(FIRST)).sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_of_event_has_a_short_name_of_its_own(language: str) -> None:
    with reading(_words(language)):
        names = [name_of(one) for one in TYPES]
    assert len(set(names)) == len(TYPES)
    assert not [one for one in names if "%" in one or one in TYPES]
    if language != FIRST:
        assert not set(names) & set(NAMES.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_subject_of_an_event_has_a_noun(language: str) -> None:
    with reading(_words(language)):
        nouns = {one: noun_of(TYPES[one].example_subject) for one in TYPES}
    assert not [one for one, noun in nouns.items() if noun == TYPES[one].example_subject.partition("/")[0]]


def test_no_text_is_kept_for_a_type_or_a_subject_that_is_no_more() -> None:
    assert set(SENTENCES) == set(NAMES) == set(TYPES)
    assert set(VARIANTS) <= set(TYPES)
    assert set(NOUNS) == {one.example_subject.partition("/")[0] for one in TYPES.values()}


def test_a_sentence_says_what_a_code_in_its_event_says() -> None:
    for name, (field, texts) in VARIANTS.items():
        told = [tell(_example(TYPES[name], **{field: value}), {}, _words("nb")) for value in texts]
        assert len({one.sentence for one in told}) == len(texts), name
        assert not [one.reason for one in told if one.reason in texts], name


def test_a_correction_tells_the_new_and_the_former_dates_in_the_form_of_the_page() -> None:
    ends = {"expiresAt": "2027-06-01T15:00:00+00:00", "validFrom": "2026-05-31T22:00:00+00:00"}
    former = {"expiresAt": "2027-05-31T22:00:00+00:00", "validFrom": "2026-05-30T22:00:00+00:00", "rule": "manual"}
    event = _example(TYPES["licence.changed"], **ends, former=former)
    assert tell(event, {}, _words("en")).change == (
        "valid from 1 June 2026, formerly from 31 May 2026, "
        "valid until 1 June 2027, 17:00 (Europe/Oslo), formerly until 31 May 2027"
    )
    assert "gyldig til 1. juni 2027, 17:00 (Europe/Oslo), tidligere til 31. mai 2027" in (
        tell(event, {}, _words("nb")).change
    )
    same = _example(TYPES["licence.changed"], **ends, former={**former, "validFrom": ends["validFrom"]})
    assert "from" not in tell(same, {}, _words("en")).change
