"""The dates of licences by the course's policy, from the grant to what people read and what machines check."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from shared.licences import Licence
from tests.assignments.asking import pages
from tests.assignments.links import anybody
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.licences.dating import SITTING, ZONE, check, latest, reason, trained
from tests.sessions.sitting import add, complete, schedule


def test_a_licence_from_the_training_begins_when_the_sitting_ended(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course(licenceFrom="training", renewableDays=30)
    licence = trained(oslo, worker, course)
    assert (licence["grantedAt"], licence["validFrom"]) == ("2026-03-02T12:00:00Z", "2026-02-20T10:30:00Z")
    assert (licence["expiresAt"], licence["renewableUntil"]) == ("2027-02-20T10:30:00Z", "2027-03-22T10:30:00Z")
    assert licence["explanation"] == {
        "rule": "monthsFromTraining",
        "months": 12,
        "from": "2026-02-20T10:30:00Z",
        "text": "Granted on 2 March 2026 for a completed session; it lasts 12 calendar months from the end of the "
        "training on 20 February 2026, 11:30 (Europe/Oslo). Valid from 20 February 2026, 11:30 (Europe/Oslo) until "
        "20 February 2027, 11:30 (Europe/Oslo).",
    }
    (event,) = recorded(oslo, "licence.granted")
    assert event.data["validFrom"].startswith("2026-02-20T10:30:00")


def test_what_reaches_back_counts_for_a_check_of_the_past(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course(licenceFrom="training")
    trained(oslo, worker, course)
    for at, expected in (
        ("2026-02-20T10:29:59Z", "never-licensed"),
        ("2026-02-20T10:30:00Z", "valid"),
        ("2026-02-20", "valid"),
        ("2026-02-19", "never-licensed"),
        ("2026-03-01", "valid"),
        ("2027-02-19", "valid"),
        ("2027-02-20", "expired"),
    ):
        assert reason(oslo, course, at) == expected, at
    found = check(oslo, course, "2026-02-25")
    assert (found["validFrom"], found["versionLabel"], found["source"]) == ("2026-02-20T10:30:00Z", "v1.0", "session")


def test_a_revocation_does_not_reach_back_behind_the_grant(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course(licenceFrom="training")
    licence = trained(oslo, worker, course)
    oslo.client().post(f"/v1/licences/{licence['id']}/revoke", json={"reason": "Examined again"})
    assert (reason(oslo, course, "2026-03-01"), check(oslo, course)["reason"]) == ("valid", "revoked")


@pytest.mark.parametrize(
    ("ends", "until", "expires_at"),
    [
        ("end_of_day", "2 March 2027", "2027-03-02T23:00:00Z"),
        ("end_of_month", "31 March 2027", "2027-03-31T22:00:00Z"),
        ("instant", "2 March 2027, 13:00 (Europe/Oslo)", "2027-03-02T12:00:00Z"),
    ],
)
def test_the_day_that_people_are_told_is_the_last_on_which_the_check_says_valid(
    oslo: Org, worker: InProcessWorker, ends: str, until: str, expires_at: str
) -> None:
    course = oslo.with_course(licenceEnds=ends)
    licence = trained(oslo, worker, course)
    assert licence["expiresAt"] == expires_at
    code = licence["code"].replace("-", "")
    told = [
        oslo.client().get(f"/v1/licences/{licence['id']}/certificate").text,
        anybody(oslo).get(f"/verify/{code}").text,
        licence["explanation"]["text"],
    ]
    assert [f">{until}<" in told[0], f"Valid until {until}<" in told[1], f"Valid until {until}." in told[2]] == 3 * [
        True
    ]
    last = datetime.fromisoformat(expires_at) - timedelta(microseconds=1)
    day = last.astimezone(UTC).isoformat()
    assert reason(oslo, course, day.replace("+00:00", "Z")) == "valid"
    assert reason(oslo, course, expires_at) == "expired"
    if ends != "instant":
        spoken = datetime.strptime(until, "%d %B %Y").date()  # noqa: DTZ007
        assert reason(oslo, course, spoken.isoformat()) == "valid"
        assert reason(oslo, course, (spoken + timedelta(days=1)).isoformat()) == "expired"


def test_an_ended_licence_is_told_to_have_ended_with_its_day(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course(licenceEnds="end_of_day", licenceMonths=1)
    licence = trained(oslo, worker, course)
    with time_machine.travel("2026-04-03T00:00:00Z", tick=False):
        page = anybody(oslo).get(f"/verify/{licence['code']}").text
        assert "Expired at the end of 2 April 2026" in page
        assert (
            "Expired at the end of 2 April 2026" in oslo.client().get(f"/v1/licences/{licence['id']}/certificate").text
        )


def test_a_completed_assignment_begins_with_its_day(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course(licenceFrom="training", licenceOn="completion")
    asked = {
        "courseId": course,
        "recipients": [{"entityType": "party", "entityId": "a"}],
        "reason": "Refresh",
    }
    for occurred_on in ("2026-02-01", "2026-03-01"):
        oslo.client().post("/v1/assignments", json=asked)
        worker.drain(oslo.id)
        (open_one,) = pages(oslo.client(), "/v1/assignments", state="assigned")
        if occurred_on == "2026-02-01":
            body = {"assignmentIds": [open_one["id"]], "occurredOn": occurred_on}
            oslo.client().post("/v1/assignments/complete", json=body)
            worker.drain(oslo.id)
        else:
            oslo.client().post(f"/v1/assignments/{open_one['id']}/complete", json={"occurredOn": occurred_on})
    renewed, first = pages(oslo.client(), "/v1/licences")
    assert (first["validFrom"], first["expiresAt"]) == ("2026-01-31T23:00:00Z", "2027-01-31T23:00:00Z")
    assert (renewed["validFrom"], renewed["expiresAt"]) == ("2026-02-28T23:00:00Z", "2027-02-28T23:00:00Z")
    assert "Valid from 1 March 2026 until 28 February 2027." in renewed["explanation"]["text"]


def test_a_later_policy_or_correction_changes_no_explanation(oslo: Org, worker: InProcessWorker) -> None:
    """The licence keeps everything that its explanation quotes: neither course nor former licence is read."""
    course = oslo.with_course(earlyRenewal="keepsAnniversary", renewalWindowDays=400)
    former = trained(oslo, worker, course)
    session_id = schedule(oslo, course, timeZone=ZONE, **SITTING)
    add(oslo, session_id, "a")
    complete(oslo, worker, session_id)
    before = latest(oslo)
    assert before["explanation"]["rule"] == "monthsFromAnniversary"
    later = {"licenceMonths": 3, "licenceEnds": "end_of_month", "licenceFrom": "training", "earlyRenewal": "resets"}
    assert oslo.client().patch(f"/v1/courses/{course}", json=later).status_code == 200
    correction = {"expiresAt": "2026-12-31T00:00:00Z", "reason": "Typing error"}
    assert oslo.client().patch(f"/v1/licences/{former['id']}", json=correction).status_code == 200
    assert latest(oslo)["explanation"] == before["explanation"]


def test_the_check_says_if_the_party_is_active_and_is_licensed_all_the_same(oslo: Org, worker: InProcessWorker) -> None:
    course = oslo.with_course()
    trained(oslo, worker, course)
    assert check(oslo, course)["partyActive"] is True
    gone = {"entityId": "a", "displayName": "A", "active": False}
    oslo.client().put("/v1/parties", json={"parties": [gone]})
    found = check(oslo, course)
    assert (found["partyActive"], found["licensed"]) == (False, True)
    body = {"partyIds": ["nobody"], "courseIds": [course]}
    (item,) = oslo.client().post("/v1/licences/check", json=body).json()["items"]
    assert (item["reason"], item["partyActive"]) == ("party-not-found", False)


def test_a_renewal_keeps_the_later_end_of_a_licence_that_reaches_back(oslo: Org, worker: InProcessWorker) -> None:
    """A sitting that is recorded late takes no time away from anybody."""
    course = oslo.with_course()
    former = trained(oslo, worker, course)
    oslo.client().patch(f"/v1/courses/{course}", json={"licenceFrom": "training"})
    renewed = trained(oslo, worker, course)
    assert (renewed["explanation"]["rule"], renewed["expiresAt"]) == ("laterExpiry", former["expiresAt"])
    assert renewed["validFrom"] == "2026-02-20T10:30:00Z"
    with oslo.transaction() as db:
        assert db.scalar(select(Licence.counted_from).where(Licence.renews_id.is_not(None))) is not None


def test_a_policy_is_shown_and_changed_with_its_course(oslo: Org) -> None:
    course = oslo.with_course(licenceFrom="training", licenceEnds="end_of_month", renewableDays=30)
    shown = oslo.client().get(f"/v1/courses/{course}").json()
    assert (shown["licenceFrom"], shown["licenceEnds"], shown["renewableDays"]) == ("training", "end_of_month", 30)
    changed = (
        oslo.client().patch(f"/v1/courses/{course}", json={"renewableDays": None, "licenceEnds": "instant"}).json()
    )
    assert (changed["renewableDays"], changed["licenceEnds"]) == (None, "instant")
    for wrong in ({"licenceFrom": None}, {"licenceEnds": "end_of_year"}, {"renewableDays": 0}):
        refused = oslo.client().patch(f"/v1/courses/{course}", json=wrong)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(wrong))}")
    plain = oslo.client().get(f"/v1/courses/{oslo.with_course()}").json()
    assert (plain["licenceFrom"], plain["licenceEnds"], plain["renewableDays"]) == ("granted", "instant", None)
