"""Changes of many assignments by one job: complete, close and undo them, always within the caller's folders."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.assignments.asking import assign, body, codes, pages, read_job, recipients
from tests.drain import InProcessWorker
from tests.factories import Org

CREW = ("crew-1", "crew-2", "crew-3")


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties(*CREW, folder="drill-floor")
    return org.with_course(label="v3.2")


@pytest.fixture
def coordinator(org: Org) -> TestClient:
    return org.client(member="coordinator")


@pytest.fixture
def supervisor(org: Org) -> TestClient:
    """A member with all permissions, but only for the folder of the crew."""
    return org.client(member="supervisor", folders=["drill-floor"])


def ids(org: Org) -> dict[str, str]:
    """The id of each party's only assignment."""
    return {item["party"]["entityId"]: item["id"] for item in pages(org.client(), "/v1/assignments")}


def states(org: Org) -> dict[str, str]:
    """The state of each party's only assignment."""
    return {item["party"]["entityId"]: item["state"] for item in pages(org.client(), "/v1/assignments")}


def accepted(answer: Any) -> dict[str, Any]:
    """The job of an answer, which must be 202."""
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def carried_out(org: Org, worker: InProcessWorker, answer: Any) -> dict[str, Any]:
    """Works on the job of an answer. Returns the finished job."""
    job = accepted(answer)
    worker.drain(org.id)
    return read_job(org, job)


def test_an_undo_closes_untouched_assignments_and_names_the_others(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    job = assign(org, worker, body(course, *CREW))
    found = ids(org)
    coordinator.post(f"/v1/assignments/{found['crew-1']}/complete")
    coordinator.patch(f"/v1/assignments/{found['crew-2']}", json={"reason": "Another reason"})
    undone = carried_out(org, worker, coordinator.post(f"/v1/jobs/{job['id']}/undo"))
    assert (undone["state"], undone["counts"]["succeeded"], undone["counts"]["unchanged"]) == ("succeeded", 1, 2)
    assert codes(org, undone) == {"crew-1": "touched-since", "crew-2": "touched-since", "crew-3": "closed"}
    assert states(org) == {"crew-1": "completed", "crew-2": "assigned", "crew-3": "closed"}


def test_many_are_completed_by_course_and_reopened_by_an_undo(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    assign(org, worker, body(course, "crew-1", "crew-2"))
    asked = {"courseId": course, "folderIds": ["drill-floor"], "occurredOn": "2026-02-01"}
    job = carried_out(org, worker, coordinator.post("/v1/assignments/complete", json=asked))
    assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (2, 1)
    assert codes(org, job) == {"crew-1": "completed", "crew-2": "completed", "crew-3": "not-assigned"}
    undone = carried_out(org, worker, coordinator.post(f"/v1/jobs/{job['id']}/undo"))
    assert undone["counts"]["succeeded"] == 2
    assert states(org) == {"crew-1": "assigned", "crew-2": "assigned"}
    succeeded = pages(coordinator, f"/v1/jobs/{job['id']}/results", outcome="succeeded")
    assert len(succeeded) == 2, "the undone job keeps its results"


def test_an_undo_does_not_reopen_an_assignment_that_was_completed_again(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    assign(org, worker, body(course, *CREW[:2]))
    asked = {"courseId": course, "recipients": recipients(*CREW[:2])}
    job = carried_out(org, worker, coordinator.post("/v1/assignments/complete", json=asked))
    again = f"/v1/assignments/{ids(org)['crew-1']}"
    assert coordinator.post(f"{again}/reopen", json={"reason": "Wrong day"}).status_code == 200
    assert coordinator.post(f"{again}/complete").status_code == 200
    undone = carried_out(org, worker, coordinator.post(f"/v1/jobs/{job['id']}/undo"))
    assert codes(org, undone) == {"crew-1": "touched-since", "crew-2": "reopened"}
    assert states(org) == {"crew-1": "completed", "crew-2": "assigned"}


def test_an_undo_does_not_reopen_the_assignment_of_a_party_that_was_assigned_again(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    assign(org, worker, body(course, *CREW[:2]))
    asked = {"courseId": course, "recipients": recipients(*CREW[:2])}
    job = carried_out(org, worker, coordinator.post("/v1/assignments/complete", json=asked))
    assign(org, worker, body(course, "crew-1"))
    undone = carried_out(org, worker, coordinator.post(f"/v1/jobs/{job['id']}/undo"))
    assert codes(org, undone) == {"crew-1": "touched-since", "crew-2": "reopened"}


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [("complete", {}, "completed"), ("close", {"reason": "Over"}, "closed")],
)
def test_only_open_assignments_are_completed_or_closed(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient, path: str, more: dict[str, str], code: str
) -> None:
    assign(org, worker, body(course, *CREW))
    found = ids(org)
    coordinator.post(f"/v1/assignments/{found['crew-1']}/complete", json={"note": "seen"})
    coordinator.post(f"/v1/assignments/{found['crew-2']}/close", json={"reason": "Left"})
    before = {item["id"]: item for item in pages(coordinator, "/v1/assignments")}
    asked = {"assignmentIds": list(found.values()), **more}
    job = carried_out(org, worker, coordinator.post(f"/v1/assignments/{path}", json=asked))
    closed = "assignment-closed" if path == "complete" else "already-closed"
    assert codes(org, job) == {"crew-1": "already-completed", "crew-2": closed, "crew-3": code}
    after = {item["id"]: item for item in pages(coordinator, "/v1/assignments")}
    assert {each for each in after if after[each] != before[each]} == {found["crew-3"]}


def test_a_large_change_waits_for_a_second_member(org: Org, worker: InProcessWorker, course: str) -> None:
    org.client().put("/v1/settings", json={"changeLimit": 2})
    asked = body(course, folderIds=["drill-floor"])
    first, second = org.client(member="first"), org.client(member="second")
    job = carried_out(org, worker, first.post("/v1/assignments", json=asked))
    assert job["state"] == "awaiting_approval"
    refused = first.post(f"/v1/jobs/{job['id']}/approve")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:other-member-needed")
    assert second.post(f"/v1/jobs/{job['id']}/approve").json()["state"] == "queued"
    worker.drain(org.id)
    assert read_job(org, job)["counts"]["succeeded"] == 3

    job = first.post("/v1/assignments", json=asked).json()
    rejected = second.post(f"/v1/jobs/{job['id']}/reject", json={"reason": "Not this year"}).json()
    assert (rejected["state"], rejected["counts"]["cancelled"], rejected["error"]) == (
        "cancelled",
        3,
        "Rejected: Not this year",
    )


# --- scope

Submit = Callable[[TestClient, str, dict[str, str]], Any]
"""Submits a change. Takes the client, the course and the assignment id of each party. Returns the answer."""


def complete_by_id(client: TestClient, course: str, assignment_ids: dict[str, str]) -> Any:
    return client.post("/v1/assignments/complete", json={"assignmentIds": list(assignment_ids.values())})


def complete_by_party(client: TestClient, course: str, assignment_ids: dict[str, str]) -> Any:
    asked = {"courseId": course, "recipients": recipients(*assignment_ids)}
    return client.post("/v1/assignments/complete", json=asked)


def close_by_id(client: TestClient, course: str, assignment_ids: dict[str, str]) -> Any:
    asked = {"assignmentIds": list(assignment_ids.values()), "reason": "Over"}
    return client.post("/v1/assignments/close", json=asked)


def undo_creation(client: TestClient, course: str, assignment_ids: dict[str, str]) -> Any:
    job_id = pages(client, "/v1/jobs", kind="assignments.create")[0]["id"]
    return client.post(f"/v1/jobs/{job_id}/undo")


@pytest.mark.parametrize(
    ("submit", "code", "state"),
    [
        pytest.param(complete_by_id, "completed", "completed", id="complete by id"),
        pytest.param(complete_by_party, "completed", "completed", id="complete by party"),
        pytest.param(close_by_id, "closed", "closed", id="close by id"),
    ],
)
def test_a_supervisor_changes_no_assignment_outside_the_folders(
    org: Org, worker: InProcessWorker, course: str, supervisor: TestClient, submit: Submit, code: str, state: str
) -> None:
    org.with_parties("office-1", folder="office")
    assign(org, worker, body(course, "crew-1", "office-1"))
    job = carried_out(org, worker, submit(supervisor, course, ids(org)))
    absent = "party-not-found" if submit is complete_by_party else "assignment-not-found"
    assert codes(org, job) == {"crew-1": code, "office-1": absent}
    assert states(org) == {"crew-1": state, "office-1": "assigned"}


@pytest.mark.parametrize(
    ("submit", "code", "absent", "state"),
    [
        pytest.param(complete_by_id, "completed", "assignment-not-found", "completed", id="complete by id"),
        pytest.param(complete_by_party, "completed", "party-not-found", "completed", id="complete by party"),
        pytest.param(close_by_id, "closed", "assignment-not-found", "closed", id="close by id"),
        pytest.param(undo_creation, "closed", "out-of-scope", "closed", id="undo"),
    ],
)
def test_the_assignment_of_a_party_that_leaves_the_folders_before_the_work_is_not_changed(
    org: Org,
    worker: InProcessWorker,
    course: str,
    supervisor: TestClient,
    submit: Submit,
    code: str,
    absent: str,
    state: str,
) -> None:
    assign(org, worker, body(course, "crew-1", "crew-2"))
    job = accepted(submit(supervisor, course, ids(org)))
    org.with_parties("crew-2", folder="office")
    worker.drain(org.id)
    assert codes(org, job) == {"crew-1": code, "crew-2": absent}
    assert states(org) == {"crew-1": state, "crew-2": "assigned"}


@pytest.mark.parametrize("by", ["filter", "job"])
def test_a_supervisor_closes_by_filter_or_job_only_within_the_folders(
    org: Org, worker: InProcessWorker, course: str, supervisor: TestClient, by: str
) -> None:
    org.with_parties("office-1", folder="office")
    made = assign(org, worker, body(course, "crew-1", "office-1"))
    which = {"filter": {"courseId": course}} if by == "filter" else {"jobId": made["id"]}
    job = carried_out(org, worker, supervisor.post("/v1/assignments/close", json={**which, "reason": "Over"}))
    assert codes(org, job) == {"crew-1": "closed"}
    assert states(org) == {"crew-1": "closed", "office-1": "assigned"}
