"""Acts on an accepted request ask again what its submission asked: approve, retry, reassign, reopen, and sessions."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from shared import clock
from shared.access import Permission
from tests.assignments.asking import assign, body, codes, deactivate, pages, parties, read_job, recipients, submit
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.jobs.ground import carry_out
from tests.licences.earning import grant
from tests.sessions.sitting import accept, add, problem, schedule

SECOND = "member-2"
LATER = "2026-12-10"


def archive(org: Org, course_id: str) -> None:
    """Archives a course."""
    assert org.client().post(f"/v1/courses/{course_id}/archive").status_code == 200


def waiting(org: Org, course_id: str, **fields: Any) -> dict[str, Any]:
    """A job over two parties that waits for approval."""
    org.with_parties(*parties(2))
    org.client().put("/v1/settings", json={"changeLimit": 1})
    job = submit(org.client(), body(course_id, *parties(2), **fields))
    assert job["state"] == "awaiting_approval"
    return job


def approve(org: Org, job: dict[str, Any]) -> Any:
    """Asks for the approval of a job, as a second member."""
    return org.client(member=SECOND).post(f"/v1/jobs/{job['id']}/approve")


def test_an_archived_course_refuses_a_late_approval(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    job = waiting(org, course_id)
    archive(org, course_id)
    refused, submitted = approve(org, job), org.client().post("/v1/assignments", json=body(course_id, *parties(2)))
    assert (problem(refused), refused.json()["errors"]) == (problem(submitted), submitted.json()["errors"])
    found = read_job(org, job)
    assert (found["state"], "archived" in found["error"]) == ("awaiting_approval", True)
    worker.drain(org.id)
    assert pages(org.client(), "/v1/assignments") == []
    rejected = org.client(member=SECOND).post(f"/v1/jobs/{job['id']}/reject", json={"reason": "Too late"})
    assert rejected.json()["state"] == "cancelled"


def test_a_due_date_that_has_passed_refuses_a_late_approval(org: Org) -> None:
    job = waiting(org, org.with_course(), dueOn=(clock.now().date() + timedelta(days=1)).isoformat())
    with time_machine.travel(clock.now() + timedelta(days=2)):
        refused = approve(org, job)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/dueOn")


def test_a_refused_approval_can_be_given_when_the_reason_is_gone(org: Org) -> None:
    job = waiting(org, org.with_course(), dueOn=clock.now().date().isoformat())
    with time_machine.travel(clock.now() + timedelta(days=2)):
        assert approve(org, job).status_code == 422
    assert approve(org, job).status_code == 200
    assert read_job(org, job)["error"] is None


def test_a_party_that_left_before_the_approval_is_the_outcome_of_that_recipient(
    org: Org, worker: InProcessWorker
) -> None:
    job = waiting(org, org.with_course())
    deactivate(org, "party-00000")
    assert approve(org, job).status_code == 200
    worker.drain(org.id)
    assert codes(org, job) == {"party-00000": "party-inactive", "party-00001": "created"}


def test_an_archived_course_refuses_a_retry(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    job = assign(org, worker, body(course_id, "party-late"))
    org.with_parties("party-late")
    archive(org, course_id)
    refused = org.client().post(f"/v1/jobs/{job['id']}/retry")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/courseId")


def test_the_sign_off_of_an_archived_course_is_not_approved(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(2))
    course_id = org.with_course()
    assign(org, worker, body(course_id, *parties(2)))
    org.client().put("/v1/settings", json={"changeLimit": 1})
    sent = {"courseId": course_id, "recipients": recipients(*parties(2))}
    job = org.client().post("/v1/assignments/complete", json=sent).json()
    archive(org, course_id)
    refused, submitted = approve(org, job), org.client().post("/v1/assignments/complete", json=sent)
    assert (problem(refused), refused.json()["errors"]) == (problem(submitted), submitted.json()["errors"])
    assert read_job(org, job)["state"] == "awaiting_approval"


@pytest.mark.parametrize(("act", "pointer"), [("change", "/set/dueOn"), ("reopen", "/dueOn")])
def test_a_bulk_act_whose_new_due_date_has_passed_is_not_approved(
    org: Org, worker: InProcessWorker, act: str, pointer: str
) -> None:
    org.with_parties(*parties(2))
    assign(org, worker, body(org.with_course(), *parties(2)))
    org.client().put("/v1/settings", json={"changeLimit": 1})
    due = {"dueOn": clock.now().date().isoformat()}
    bodies: dict[str, dict[str, Any]] = {"change": {"set": due, "why": "x"}, "reopen": {"reason": "x", **due}}
    sent = bodies[act] | {"filter": {"state": "assigned"}}
    job = org.client().post(f"/v1/assignments/{act}", json=sent).json()
    with time_machine.travel(clock.now() + timedelta(days=2)):
        refused = approve(org, job)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


def test_a_bulk_reopening_leaves_assignments_of_an_archived_course_as_they_are(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("party-1")
    archived, kept = org.with_course(), org.with_course()
    for course_id in (archived, kept):
        assign(org, worker, body(course_id, "party-1"))
    carry_out(org, worker, "/v1/assignments/close", {"filter": {}, "all": True, "reason": "x"})
    archive(org, archived)
    job = carry_out(org, worker, "/v1/assignments/reopen", {"filter": {}, "all": True, "reason": "x"})
    by_id = {one["id"]: one["courseId"] for one in pages(org.client(), "/v1/assignments")}
    results = pages(org.client(), f"/v1/jobs/{job['id']}/results")
    found = {by_id[one["assignmentId"]]: one["code"] for one in results}
    assert found == {archived: "course-archived", kept: "reopened"}


def test_a_bulk_move_to_a_course_that_was_archived_since_is_not_approved(org: Org, worker: InProcessWorker) -> None:
    org.with_parties(*parties(2))
    assign(org, worker, body(org.with_course(), *parties(2)))
    org.client().put("/v1/settings", json={"changeLimit": 1})
    other = org.with_course()
    sent = {"set": {"courseId": other}, "why": "x", "filter": {"state": "assigned"}}
    job = org.client().post("/v1/assignments/change", json=sent).json()
    archive(org, other)
    refused = approve(org, job)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/set/courseId")


def one_assignment(org: Org, worker: InProcessWorker, course_id: str, **fields: Any) -> str:
    """Assigns a course to a party. Returns the address of the assignment."""
    org.with_parties("party-1", "party-2")
    assign(org, worker, body(course_id, "party-1", **fields))
    (one,) = pages(org.client(), "/v1/assignments", partyId="party-1")
    return f"/v1/assignments/{one['id']}"


def reassigned(org: Org, one: str) -> Any:
    """Asks to reassign an assignment to another party."""
    return org.client().post(f"{one}/reassign", json={"recipient": recipients("party-2")[0], "reason": "Crew change"})


def reopened(org: Org, one: str, **fields: Any) -> Any:
    """Asks to reopen an assignment, after closing it where it is open."""
    org.client().post(f"{one}/close", json={"reason": "x"})
    return org.client().post(f"{one}/reopen", json={"reason": "By mistake", **fields})


@pytest.mark.parametrize("act", [reassigned, reopened])
def test_an_assignment_of_an_archived_course_is_not_made_open_again(
    org: Org, worker: InProcessWorker, act: Callable[..., Any]
) -> None:
    course_id = org.with_course()
    one = one_assignment(org, worker, course_id)
    archive(org, course_id)
    assert act(org, one).json()["errors"][0]["pointer"] == "/courseId"


@pytest.mark.parametrize("act", [reassigned, reopened])
def test_an_assignment_whose_due_date_has_passed_is_not_made_open_again(
    org: Org, worker: InProcessWorker, act: Callable[..., Any]
) -> None:
    one = one_assignment(org, worker, org.with_course(), dueOn=clock.now().date().isoformat())
    with time_machine.travel(clock.now() + timedelta(days=2)):
        assert act(org, one).json()["errors"][0]["pointer"] == "/dueOn"


def test_an_assignment_is_reopened_with_a_new_due_date(org: Org, worker: InProcessWorker) -> None:
    one = one_assignment(org, worker, org.with_course(), dueOn=clock.now().date().isoformat())
    with time_machine.travel(clock.now() + timedelta(days=2)):
        later = (clock.now().date() + timedelta(days=7)).isoformat()
        answer = reopened(org, one, dueOn=later)
        assert (answer.status_code, answer.json()["dueOn"]) == (200, later)


def test_an_assignment_of_an_inactive_party_is_not_reopened(org: Org, worker: InProcessWorker) -> None:
    one = one_assignment(org, worker, org.with_course())
    deactivate(org, "party-1")
    assert problem(reopened(org, one)) == (422, "invalid-input")


def test_a_session_of_an_archived_course_takes_no_party_and_is_neither_changed_completed_nor_reinstated(
    org: Org,
) -> None:
    course_id = org.with_course()
    session_id = schedule(org, course_id)
    org.with_parties("party-1", "party-2")
    add(org, session_id, "party-1")
    archive(org, course_id)
    client, one = org.client(), f"/v1/sessions/{session_id}"
    for refused in (
        client.post(f"{one}/roster", json={"recipients": recipients("party-2")}),
        client.patch(one, json={"capacity": 4}),
        client.post(f"{one}/complete"),
    ):
        assert problem(refused) == (422, "invalid-input")
    assert client.post(f"{one}/cancel", json={"reason": "Archived"}).status_code == 200
    assert problem(client.post(f"{one}/reinstate", json={"reason": "Not so"})) == (422, "invalid-input")


def test_the_completion_of_an_archived_course_is_not_approved(org: Org, worker: InProcessWorker) -> None:
    course_id = org.with_course()
    session_id = schedule(org, course_id)
    org.with_parties(*parties(2))
    add(org, session_id, *parties(2))
    org.client().put("/v1/settings", json={"changeLimit": 1})
    job = accept(org, session_id)
    archive(org, course_id)
    assert problem(approve(org, job)) == (422, "invalid-input")
    assert read_job(org, job)["state"] == "awaiting_approval"


def test_a_session_that_has_not_begun_is_not_completed(org: Org) -> None:
    starts_at = clock.now() + timedelta(hours=1)
    times = {"startsAt": starts_at.isoformat(), "endsAt": (starts_at + timedelta(hours=2)).isoformat()}
    session_id = schedule(org, **times)
    org.with_parties("party-1")
    add(org, session_id, "party-1")
    assert problem(org.client().post(f"/v1/sessions/{session_id}/complete")) == (409, "session-not-begun")
    with time_machine.travel(starts_at):
        assert accept(org, session_id)["counts"]["total"] == 1


def test_the_sweep_renews_no_licence_of_an_archived_course_or_an_inactive_party(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("party-1", "party-2")
    archived, kept = org.with_course(renewBeforeDays=400), org.with_course(renewBeforeDays=400)
    for course_id in (archived, kept):
        grant(org, course_id, "party-1", "party-2", at=clock.now())
    archive(org, archived)
    deactivate(org, "party-2")
    org.client().post("/v1/sweeps")
    worker.deliver("licences.sweep_organization", org.id)
    worker.drain(org.id)
    found = pages(org.client(Permission.VIEW), "/v1/assignments")
    assert [(one["courseId"], one["party"]["entityId"]) for one in found] == [(kept, "party-1")]
