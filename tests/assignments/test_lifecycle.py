"""Changes of one assignment: complete, edit, reassign, close and reopen it; by which member, and in which state."""

import uuid
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from shared import assignments, clock
from shared.access import Permission
from tests.assignments import asking
from tests.drain import InProcessWorker
from tests.factories import MEMBER, Org
from tests.racing import blocked


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("crew-1", "crew-2", "crew-3", folder="drill-floor")
    return org.with_course(label="v3.2")


@pytest.fixture
def coordinator(org: Org) -> TestClient:
    return org.client(member="coordinator")


def assign(org: Org, worker: InProcessWorker, course: str, *parties: str) -> list[dict[str, Any]]:
    """Assigns the course to parties. Returns the assignments, sorted by party."""
    job = asking.assign(org, worker, asking.body(course, *parties, reason="Refresh", dueOn="2099-06-15"))
    items = asking.pages(org.client(), "/v1/assignments", jobId=job["id"])
    return sorted(items, key=lambda item: item["party"]["entityId"])


def facts(org: Org, subject: str) -> list[dict[str, Any]]:
    """The events about one subject."""
    items = org.client().get("/v1/events", params={"limit": 500}).json()["items"]
    return [item for item in items if item["subject"] == subject]


def test_a_completion_on_behalf_records_the_member_and_the_party(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    supervisor = org.client(Permission.COMPLETE, member="supervisor")
    done = supervisor.post(f"/v1/assignments/{one['id']}/complete", json={"occurredOn": "2026-01-31", "note": "drill"})
    assert done.status_code == 200, done.text
    completion = done.json()["completion"]
    assert completion["by"] == {"type": "member", "id": "supervisor"}
    assert (completion["method"], completion["occurredOn"], completion["note"]) == ("on_behalf", "2026-01-31", "drill")
    fact = facts(org, f"assignment/{one['id']}")[-1]
    assert (fact["type"], fact["data"]["partyId"], fact["data"]["actor"]["id"]) == (
        "assignment.completed",
        "crew-1",
        "supervisor",
    )

    again = supervisor.post(f"/v1/assignments/{one['id']}/complete")
    assert (again.status_code, again.json()["type"]) == (409, "urn:rollcall:problem:assignment-completed")


def test_the_member_who_represents_the_party_completes_without_a_permission(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    one, two = assign(org, worker, course, "crew-1", "crew-2")
    crew = org.token(member="m-crew-1", party="crew-1")
    client = org.stranger()
    client.headers["Authorization"] = f"Bearer {crew}"
    done = client.post(f"/v1/assignments/{one['id']}/complete")
    assert (done.status_code, done.json()["completion"]["method"]) == (200, "self")
    refused = client.post(f"/v1/assignments/{two['id']}/complete")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")
    assert "training.complete" in refused.json()["detail"]


def test_a_completion_must_not_lie_in_the_future(org: Org, worker: InProcessWorker, course: str) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    future = org.client().post(f"/v1/assignments/{one['id']}/complete", json={"occurredOn": "2999-01-01"})
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/occurredOn")


def test_an_edit_records_the_former_values_and_refuses_a_stale_etag(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    address = f"/v1/assignments/{one['id']}"
    tag = coordinator.get(address).headers["ETag"]
    edited = coordinator.patch(address, json={"dueOn": None}, headers={"If-Match": tag})
    assert (edited.status_code, edited.json()["dueOn"], edited.json()["reason"]) == (200, None, "Refresh")
    assert facts(org, f"assignment/{one['id']}")[-1]["data"]["former"] == {"dueOn": "2099-06-15"}
    stale = coordinator.patch(address, json={"reason": "Other"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:rollcall:problem:precondition-failed")
    assert coordinator.patch(address, json={}).status_code == 422
    assert coordinator.patch(address, json={"dueOn": "2001-01-01"}).json()["errors"][0]["pointer"] == "/dueOn"


def test_reassigning_closes_the_assignment_and_opens_one_of_the_same_version(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    org.publish(course, "v4.0")
    body = {"recipient": {"entityType": "party", "entityId": "crew-2"}, "reason": "Changed rigs"}
    other = coordinator.post(f"/v1/assignments/{one['id']}/reassign", json=body)
    assert other.status_code == 200, other.text
    assert (other.json()["party"]["entityId"], other.json()["versionLabel"]) == ("crew-2", "v3.2")
    closed = coordinator.get(f"/v1/assignments/{one['id']}").json()
    assert (closed["state"], closed["closure"]["reassignedTo"]) == ("closed", other.json()["id"])
    again = coordinator.post(f"/v1/assignments/{one['id']}/reassign", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:rollcall:problem:assignment-closed")
    third = assign(org, worker, course, "crew-3")[0]
    unknown = body | {"recipient": {"entityType": "party", "entityId": "nobody"}}
    refused = coordinator.post(f"/v1/assignments/{third['id']}/reassign", json=unknown)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/recipient/entityId")


def test_an_assignment_is_reopened_unless_the_party_has_another_open_one(
    org: Org, worker: InProcessWorker, course: str, coordinator: TestClient
) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    address = f"/v1/assignments/{one['id']}"
    assert coordinator.post(f"{address}/reopen", json={"reason": "?"}).json()["type"].endswith("assignment-open")
    coordinator.post(f"{address}/complete", json={"note": "seen"})
    assign(org, worker, course, "crew-1")
    refused = coordinator.post(f"{address}/reopen", json={"reason": "Wrong person"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:already-assigned")
    other = coordinator.get("/v1/assignments", params={"partyId": "crew-1", "state": "assigned"}).json()["items"][0]
    coordinator.post(f"/v1/assignments/{other['id']}/close", json={"reason": "Doubled"})
    reopened = coordinator.post(f"{address}/reopen", json={"reason": "Wrong person"})
    assert (reopened.status_code, reopened.json()["state"], reopened.json()["completion"]) == (200, "assigned", None)
    former = facts(org, f"assignment/{one['id']}")[-1]["data"]["former"]
    assert (former["state"], former["completionMethod"]) == ("completed", "on_behalf")


# --- scope, state and revision


def changes(party_id: str = "crew-2") -> list[tuple[str, str, dict[str, Any]]]:
    """Every change of one assignment: method, what follows its address, and body."""
    return [
        ("POST", "/complete", {}),
        ("PATCH", "", {"reason": "Another reason"}),
        ("POST", "/reassign", {"recipient": {"entityType": "party", "entityId": party_id}, "reason": "Changed rigs"}),
        ("POST", "/close", {"reason": "Left"}),
        ("POST", "/reopen", {"reason": "Wrong person"}),
    ]


def test_an_assignment_outside_the_callers_folders_is_not_found(org: Org, worker: InProcessWorker, course: str) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    elsewhere = org.client(folders=["kennel"])
    for method, rest, body in changes():
        answer = elsewhere.request(method, f"/v1/assignments/{one['id']}{rest}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:rollcall:problem:not-found")
    assert org.client().get(f"/v1/assignments/{one['id']}").json() == one


def test_an_assignment_is_not_reassigned_to_a_party_outside_the_callers_folders(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    org.with_parties("office-1", folder="office")
    one = assign(org, worker, course, "crew-1")[0]
    supervisor = org.client(folders=["drill-floor"])
    _, rest, body = changes("office-1")[2]
    refused = supervisor.post(f"/v1/assignments/{one['id']}{rest}", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/recipient/entityId")
    unknown = supervisor.post(f"/v1/assignments/{one['id']}{rest}", json=changes("nobody")[2][2])
    assert refused.json() == unknown.json(), "the answer tells whether the party exists"
    assert [item["id"] for item in org.client().get("/v1/assignments").json()["items"]] == [one["id"]]


def test_an_assignment_is_not_reassigned_to_an_inactive_party(org: Org, worker: InProcessWorker, course: str) -> None:
    asking.deactivate(org, "crew-2")
    one = assign(org, worker, course, "crew-1")[0]
    _, rest, body = changes("crew-2")[2]
    refused = org.client().post(f"/v1/assignments/{one['id']}{rest}", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/recipient/entityId")


@pytest.mark.parametrize(("end", "slug"), [("complete", "assignment-completed"), ("close", "assignment-closed")])
def test_an_assignment_that_has_ended_can_only_be_reopened(
    org: Org, worker: InProcessWorker, course: str, end: str, slug: str
) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    client, address = org.client(), f"/v1/assignments/{one['id']}"
    ended = client.post(f"{address}/{end}", json={"reason": "Left"} if end == "close" else {})
    assert ended.status_code == 200, ended.text
    *others, reopen = changes()
    for method, rest, body in others:
        answer = client.request(method, f"{address}{rest}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, f"urn:rollcall:problem:{slug}")
    assert client.get(address).json() == ended.json()
    assert client.request(reopen[0], f"{address}{reopen[1]}", json=reopen[2]).status_code == 200


def test_a_change_with_a_stale_etag_is_refused(org: Org, worker: InProcessWorker, course: str) -> None:
    one = assign(org, worker, course, "crew-1")[0]
    client, address = org.client(), f"/v1/assignments/{one['id']}"
    stale = {"If-Match": client.get(address).headers["ETag"]}
    edited = client.patch(address, json={"reason": "Another reason"}).json()
    for method, rest, body in changes():
        answer = client.request(method, f"{address}{rest}", json=body, headers=stale)
        assert (answer.status_code, answer.json()["type"]) == (412, "urn:rollcall:problem:precondition-failed")
    assert client.get(address).json() == edited


def test_the_second_of_two_changes_at_once_sees_what_the_first_has_done(
    org: Org, worker: InProcessWorker, course: str
) -> None:
    assignment_id = uuid.UUID(assign(org, worker, course, "crew-1")[0]["id"])

    def close(db: Session) -> None:
        assignment = assignments.locked(db, assignment_id, None)
        assignments.close(db, assignment, "Left", MEMBER, clock.now())

    with org.transaction() as one:
        close(one)
        with blocked(org, close) as second:
            one.commit()
            with pytest.raises(assignments.AssignmentClosed):
                second.result(5)
    closed = [fact for fact in facts(org, f"assignment/{assignment_id}") if fact["type"] == "assignment.closed"]
    assert len(closed) == 1
