"""A member corrects when a licence begins: what the check, the pages and the checks of the past say then."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from shared.access import Permission
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.licences.dating import NOW, check, latest, reason, trained


def correct(org: Org, licence: dict[str, Any], **changes: Any) -> Any:
    return org.client(Permission.ADMIN).patch(f"/v1/licences/{licence['id']}", json=changes | {"reason": "Wrong day"})


def test_a_beginning_is_corrected_as_an_end_is(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    licence = trained(oslo, worker, course)
    answer = correct(oslo, licence, validFrom="2026-02-20T10:30:00Z").json()
    assert (answer["validFrom"], answer["expiresAt"]) == ("2026-02-20T10:30:00Z", licence["expiresAt"])
    (event,) = recorded(oslo, "licence.changed")
    assert event.data["validFrom"].startswith("2026-02-20T10:30:00")
    assert event.data["former"]["validFrom"].startswith("2026-03-02T12:00:00")
    assert "expiresAt" not in event.data
    assert reason(oslo, course, "2026-02-21") == "valid"
    assert correct(oslo, licence, validFrom=None).json()["validFrom"] == licence["grantedAt"]
    assert reason(oslo, course, "2026-02-21") == "never-licensed"
    assert correct(oslo, licence, validFrom=None).status_code == 200
    assert len(recorded(oslo, "licence.changed")) == 2


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"validFrom": "2027-03-02T12:00:00Z"}, "/validFrom"),
        ({"expiresAt": "2026-03-02T12:00:00Z"}, "/expiresAt"),
        ({"validFrom": "2027-01-02T12:00:00Z", "expiresAt": "2027-01-01T12:00:00Z"}, "/expiresAt"),
        ({"validFrom": "2026-02-20"}, "/validFrom"),
    ],
)
def test_a_licence_must_end_after_it_begins(
    oslo: Org, worker: InProcessWorker, changes: dict[str, Any], pointer: str
) -> None:
    licence = trained(oslo, worker, oslo.with_course())
    refused = correct(oslo, licence, **changes)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert latest(oslo) == licence


def test_an_end_may_lie_before_the_grant_of_a_licence_that_reaches_back(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    licence = trained(oslo, worker, course)
    answer = correct(oslo, licence, validFrom="2026-01-01T00:00:00Z", expiresAt="2026-02-01T00:00:00Z")
    assert (answer.status_code, answer.json()["state"], answer.json()["valid"]) == (200, "expired", False)
    assert (reason(oslo, course, "2026-01-15"), check(oslo, course)["reason"]) == ("valid", "expired")


def test_a_licence_that_begins_later_does_not_license_yet(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    licence = trained(oslo, worker, course)
    answer = correct(oslo, licence, validFrom="2026-03-31T22:00:00Z").json()
    assert (answer["state"], answer["valid"]) == ("active", False)
    assert check(oslo, course)["reason"] == "not-yet-valid"
    assert not check(oslo, course)["licensed"]
    assert (reason(oslo, course, "2026-03-31"), reason(oslo, course, "2026-04-01")) == ("not-yet-valid", "valid")
    assert reason(oslo, course, "2026-03-02T12:00:00Z") == "not-yet-valid"
    page, public = anybody(oslo).get(f"/verify/{licence['code']}"), {"Accept": "application/json"}
    assert "Valid from 1 April 2026" in page.text
    assert "not valid yet" in page.text
    shown = anybody(oslo).get(f"/verify/{licence['code']}", headers=public).json()
    assert (shown["validity"], shown["until"]) == ("not-yet-valid", "2026-03-31T22:00:00Z")
    certificate = oslo.client().get(f"/v1/licences/{licence['id']}/certificate").text
    assert 'class="stamp">Valid from 1 April 2026<' in certificate
    assert "will be licensed" in certificate
    with time_machine.travel("2026-03-31T22:00:00Z", tick=False):
        assert check(oslo, course)["reason"] == "valid"


def test_a_correction_to_a_later_beginning_does_not_change_what_was_answered(
    oslo: Org, worker: InProcessWorker
) -> None:
    """Only what lies before the grant is answered by what is known now."""
    course = oslo.with_course()
    licence = trained(oslo, worker, course)
    with time_machine.travel(NOW + timedelta(days=10), tick=False):
        correct(oslo, licence, expiresAt="2026-09-01T00:00:00Z")
    with time_machine.travel(NOW + timedelta(days=20), tick=False):
        correct(oslo, licence, validFrom="2026-03-15T00:00:00Z")
        assert (check(oslo, course, "2026-03-10")["validFrom"], reason(oslo, course, "2026-03-10")) == (
            "2026-03-02T12:00:00Z",
            "valid",
        )
        assert check(oslo, course, "2026-03-10")["expiresAt"] == licence["expiresAt"]
        assert check(oslo, course, "2026-03-13")["expiresAt"] == "2026-09-01T00:00:00Z"
