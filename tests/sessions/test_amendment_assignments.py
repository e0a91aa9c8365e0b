"""Amendments and assignments: an amendment completes those of added parties and reopens those of removed ones.

Only a completion by the session itself is taken back.
"""

import pytest
from sqlalchemy import select

from shared import assignments, clock, directory
from shared.assignments import Assignment
from shared.directory import Party
from tests.assignments.asking import assign, body, codes, read_job, recipients
from tests.assignments.racing import blocked_worker
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org
from tests.feed import recorded
from tests.sessions.sitting import add, amend, complete, held, schedule


def owed(org: Org) -> dict[str, list[str]]:
    """The states of every party's assignments, the oldest first."""
    with org.transaction() as db:
        found: dict[str, list[str]] = {}
        for one in db.scalars(select(Assignment).order_by(Assignment.id)):
            found.setdefault(one.party_id, []).append(one.state)
    return found


@pytest.mark.parametrize("months", [12, None])
def test_the_assignment_of_a_removed_party_is_reopened(org: Org, worker: InProcessWorker, months: int | None) -> None:
    """If the party is added again, its assignment is completed again. The course may grant licences or not."""
    org.with_parties("there", "not-there", "owes-nothing")
    course = org.with_course(licenceMonths=months)
    assign(org, worker, body(course, "there", "not-there"))
    session_id = schedule(org, course)
    add(org, session_id, "there", "not-there", "owes-nothing")
    complete(org, worker, session_id)
    job = amend(org, worker, session_id, remove=("not-there", "owes-nothing"))
    assert set(codes(org, job).values()) == {"removed"}
    assert owed(org) == {"there": ["completed"], "not-there": ["assigned"]}
    (again,) = org.client().get("/v1/assignments", params={"state": "assigned"}).json()["items"]
    assert again["completion"] is None
    (event,) = recorded(org, "assignment.reopened")
    assert (event.subject, event.party_id) == (f"assignment/{again['id']}", "not-there")
    assert event.data == {
        "reason": "The list was another day's",
        "courseId": course,
        "courseVersionId": again["courseVersionId"],
        "sessionId": session_id,
        "jobId": job["id"],
    }
    if months is None:
        amend(org, worker, session_id, add=("not-there",))
        assert owed(org)["not-there"] == ["completed"]
        amend(org, worker, session_id, remove=("not-there",))
        assert owed(org)["not-there"] == ["assigned"], "an amendment's completion can be taken back too"


def test_the_assignment_of_a_removed_party_is_reopened_if_its_licence_was_revoked_before(
    org: Org, worker: InProcessWorker
) -> None:
    """The earlier revocation keeps its reason."""
    org.with_parties("party-1")
    course = org.with_course()
    assign(org, worker, body(course, "party-1"))
    session_id = schedule(org, course)
    add(org, session_id, "party-1")
    complete(org, worker, session_id)
    (licence,) = held(org)["party-1"]
    assert org.client().post(f"/v1/licences/{licence.id}/revoke", json={"reason": "By hand"}).status_code == 200
    job = amend(org, worker, session_id, remove=("party-1",))
    assert codes(org, job) == {"party-1": "removed"}
    assert owed(org) == {"party-1": ["assigned"]}
    assert [one.revocation_reason for one in held(org)["party-1"]] == ["By hand"]
    assert len(recorded(org, "licence.revoked")) == 1
    again = amend(org, worker, session_id, remove=("party-1",))
    assert codes(org, again) == {"party-1": "not-licensed"}, "there is nothing left to take back"


def test_an_assignment_that_the_session_did_not_complete_stays_completed(org: Org, worker: InProcessWorker) -> None:
    """It was completed by a member before the session, again by a member after it, or by another session."""
    names = ("before", "instead", "elsewhere")
    org.with_parties(*names)
    course = org.with_course()
    assign(org, worker, body(course, *names))
    client = org.client()
    ids = {one["party"]["entityId"]: one["id"] for one in client.get("/v1/assignments").json()["items"]}
    assert client.post(f"/v1/assignments/{ids['before']}/complete").status_code == 200
    other, session_id = schedule(org, course), schedule(org, course)
    add(org, other, "elsewhere")
    complete(org, worker, other)
    add(org, session_id, *names)
    complete(org, worker, session_id)
    assert client.post(f"/v1/assignments/{ids['instead']}/reopen", json={"reason": "x"}).status_code == 200
    assert client.post(f"/v1/assignments/{ids['instead']}/complete").status_code == 200
    amend(org, worker, session_id, remove=names)
    assert owed(org) == {name: ["completed"] for name in names}
    assert len(recorded(org, "assignment.reopened")) == 1


def test_a_removed_party_that_was_assigned_again_has_one_open_assignment(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("anew", "twice")
    course = org.with_course(licenceMonths=None)
    session_id = schedule(org, course)
    assign(org, worker, body(course, "anew", "twice"))
    add(org, session_id, "anew", "twice")
    complete(org, worker, session_id)
    assign(org, worker, body(course, "anew", "twice"))
    amend(org, worker, session_id, remove=("anew", "twice"))
    assert owed(org) == {name: ["completed", "assigned"] for name in ("anew", "twice")}
    amend(org, worker, session_id, add=("twice",))
    assert owed(org)["twice"] == ["completed", "completed"]
    job = amend(org, worker, session_id, remove=("twice",))
    assert (codes(org, job), owed(org)["twice"]) == ({"twice": "removed"}, ["completed", "assigned"])


def test_an_amendment_waits_for_a_member_who_reopens_the_assignment(org: Org, worker: InProcessWorker) -> None:
    """Both lock the assignment first and then the party, so they cannot deadlock."""
    org.with_parties("party-1")
    course = org.with_course(licenceOn="completion")
    session_id = schedule(org, course)
    assign(org, worker, body(course, "party-1"))
    add(org, session_id, "party-1")
    complete(org, worker, session_id)
    sent = {"remove": recipients("party-1"), "reason": "x"}
    job = org.client().post(f"/v1/sessions/{session_id}/amend", json=sent).json()
    with org.transaction() as member:
        assignment = member.scalars(select(Assignment).with_for_update()).one()
        with blocked_worker(org, worker, member) as working:
            directory.lock_parties(member, Party.id == "party-1")
            assignments.reopen(member, assignment, "x", OPERATOR, clock.now())
            member.commit()
            working.result(30)
    assert codes(org, read_job(org, job)) == {"party-1": "removed"}
    assert (owed(org), len(recorded(org, "assignment.reopened"))) == ({"party-1": ["assigned"]}, 1)
