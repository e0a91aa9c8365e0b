"""A licence that an undo granted again counts from the undo on: of the days before, the former answer stands."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.assignments.asking import assign, body, recipients
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.ground import carry_out
from tests.packs.asking import ask
from tests.packs.test_packs import fetched, table

DAYS = {2: "licensed", 3: "taken back", 5: "given back", 7: "taken back", 9: "given back"}
"""At noon of these days of November something happens to the licence."""

VALID, REVOKED, NEVER = (True, "valid"), (False, "revoked"), (False, "never-licensed")
EXPECTED = {1: NEVER, 2: VALID, 3: REVOKED, 4: REVOKED, 5: VALID, 6: VALID, 7: REVOKED, 8: REVOKED, 9: VALID, 10: VALID}
"""The answer of a check of the end of each day, as it would have been then."""


def noon(day: int) -> datetime:
    return datetime(2026, 11, day, 12, tzinfo=UTC)


def answers(org: Org, course: str) -> dict[int, tuple[bool, str]]:
    """Returns the present answer of a check of each day."""
    found = {}
    for day in EXPECTED:
        at = (noon(day) + timedelta(hours=8)).isoformat()
        sent = {"partyId": "crew-1", "courseId": course, "at": at}
        one = org.client().get("/v1/licences/check", params=sent).raise_for_status().json()
        found[day] = (one["licensed"], one["reason"])
    return found


def held_in_pack(org: Org, worker: InProcessWorker, course: str, on: str) -> tuple[str, int]:
    """Returns the reason that a pack gives of the day, and the number of licences in it."""
    pack = fetched(org, ask(org, worker, {"partyIds": ["crew-1"], "courseIds": [course]}, on=on))
    (row,) = table(pack, "licences.csv")
    return row["reason"], len(json.loads(pack.read("people/0001.json"))["licences"])


@pytest.fixture(params=["/v1/licences/revoke", "/v1/assignments/reopen"])
def course(request: pytest.FixtureRequest, org: Org, worker: InProcessWorker) -> str:
    """A course whose only licence was taken back by a job and given back by its undo, twice."""
    with time_machine.travel(noon(2), tick=False):
        course = org.with_course(licenceOn="completion")
        org.with_parties("crew-1")
        assign(org, worker, body(course, "crew-1"))
        carry_out(org, worker, "/v1/assignments/complete", {"courseId": course, "recipients": recipients("crew-1")})
        (one,) = org.client().get("/v1/assignments").json()["items"]
    which = {"filter": {"all": True}} if "licences" in request.param else {"assignmentIds": [one["id"]]}
    for taken, given in ((3, 5), (7, 9)):
        with time_machine.travel(noon(taken), tick=False):
            job = carry_out(org, worker, request.param, {**which, "reason": "By mistake"})
        with time_machine.travel(noon(given), tick=False):
            carry_out(org, worker, f"/v1/jobs/{job['id']}/undo")
    return course


def test_each_day_is_answered_as_it_was_then(org: Org, worker: InProcessWorker, course: str) -> None:
    with time_machine.travel(noon(11), tick=False):
        assert answers(org, course) == EXPECTED
        assert held_in_pack(org, worker, course, "2026-11-04") == ("revoked", 1)
        assert held_in_pack(org, worker, course, "2026-11-06") == ("valid", 2)


def test_the_transcript_says_when_the_licence_was_granted_again(org: Org, course: str) -> None:
    with time_machine.travel(noon(11), tick=False):
        transcript = org.client().get("/v1/parties/crew-1/transcript").raise_for_status().json()
    told = [" ".join(one["text"] for one in held["corrections"]) for held in transcript["licences"]]
    again = "member-1 granted the licence again, by undoing the revocation of the former one."
    assert [again in text for text in told] == [False, True, True]
    assert ["5 November 2026" in text or "2026-11-05" in text for text in told] == [False, True, False]
