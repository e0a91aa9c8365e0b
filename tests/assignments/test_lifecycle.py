"""One assignment from its making to its end: completed, edited, reassigned, closed, reopened, by whom and when."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.drain import Workshop
from tests.factories import Org


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("crew-1", "crew-2", "crew-3", folder="drill-floor")
    return org.with_course(label="v3.2")


@pytest.fixture
def coordinator(org: Org) -> TestClient:
    return org.client(member="coordinator")


def assign(org: Org, workshop: Workshop, course: str, *parties: str) -> list[dict[str, Any]]:
    body = {
        "courseId": course,
        "recipients": [{"entityType": "party", "entityId": party} for party in parties],
        "reason": "Refresh",
        "dueOn": "2099-06-15",
    }
    job = org.client().post("/v1/assignments", json=body).json()
    workshop.drain(org.id)
    items: list[dict[str, Any]] = org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"]
    return sorted(items, key=lambda item: item["party"]["entityId"])


def facts(org: Org, subject: str) -> list[dict[str, Any]]:
    items = org.client().get("/v1/events", params={"limit": 500}).json()["items"]
    return [item for item in items if item["subject"] == subject]


def test_on_behalf_records_the_member_against_the_party(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    one = assign(org, workshop, course, "crew-1")[0]
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


def test_the_member_who_represents_the_party_needs_no_permission_and_others_do(
    org: Org, workshop: Workshop, course: str
) -> None:
    one, two = assign(org, workshop, course, "crew-1", "crew-2")
    crew = org.token(member="m-crew-1", party="crew-1")
    client = org.stranger()
    client.headers["Authorization"] = f"Bearer {crew}"
    done = client.post(f"/v1/assignments/{one['id']}/complete")
    assert (done.status_code, done.json()["completion"]["method"]) == (200, "self")
    refused = client.post(f"/v1/assignments/{two['id']}/complete")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:permission-denied")
    assert "training.complete" in refused.json()["detail"]


def test_out_of_scope_is_not_there_and_the_future_has_not_happened(org: Org, workshop: Workshop, course: str) -> None:
    one = assign(org, workshop, course, "crew-1")[0]
    elsewhere = org.client(Permission.COMPLETE, folders=["kennel"])
    assert elsewhere.post(f"/v1/assignments/{one['id']}/complete").status_code == 404
    future = org.client().post(f"/v1/assignments/{one['id']}/complete", json={"occurredOn": "2999-01-01"})
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/occurredOn")


def test_editing_keeps_former_values_and_minds_the_etag(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    one = assign(org, workshop, course, "crew-1")[0]
    address = f"/v1/assignments/{one['id']}"
    tag = coordinator.get(address).headers["ETag"]
    edited = coordinator.patch(address, json={"dueOn": None}, headers={"If-Match": tag})
    assert (edited.status_code, edited.json()["dueOn"], edited.json()["reason"]) == (200, None, "Refresh")
    assert facts(org, f"assignment/{one['id']}")[-1]["data"]["former"] == {"dueOn": "2099-06-15"}
    stale = coordinator.patch(address, json={"reason": "Other"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:rollcall:problem:precondition-failed")
    assert coordinator.patch(address, json={}).status_code == 422
    assert coordinator.patch(address, json={"dueOn": "2001-01-01"}).json()["errors"][0]["pointer"] == "/dueOn"


def test_reassigning_closes_one_and_opens_one_on_the_same_version(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    one = assign(org, workshop, course, "crew-1")[0]
    org.publish(course, "v4.0")
    body = {"recipient": {"entityType": "party", "entityId": "crew-2"}, "reason": "Changed rigs"}
    other = coordinator.post(f"/v1/assignments/{one['id']}/reassign", json=body)
    assert other.status_code == 200, other.text
    assert (other.json()["party"]["entityId"], other.json()["versionLabel"]) == ("crew-2", "v3.2")
    closed = coordinator.get(f"/v1/assignments/{one['id']}").json()
    assert (closed["state"], closed["closure"]["reassignedTo"]) == ("closed", other.json()["id"])
    again = coordinator.post(f"/v1/assignments/{one['id']}/reassign", json=body)
    assert (again.status_code, again.json()["type"]) == (409, "urn:rollcall:problem:assignment-closed")
    third = assign(org, workshop, course, "crew-3")[0]
    unknown = body | {"recipient": {"entityType": "party", "entityId": "nobody"}}
    refused = coordinator.post(f"/v1/assignments/{third['id']}/reassign", json=unknown)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/recipient/entityId")


def test_reopening_brings_it_back_unless_another_is_open(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    one = assign(org, workshop, course, "crew-1")[0]
    address = f"/v1/assignments/{one['id']}"
    assert coordinator.post(f"{address}/reopen", json={"reason": "?"}).json()["type"].endswith("assignment-open")
    coordinator.post(f"{address}/complete", json={"note": "seen"})
    assign(org, workshop, course, "crew-1")
    refused = coordinator.post(f"{address}/reopen", json={"reason": "Wrong person"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rollcall:problem:already-assigned")
    other = coordinator.get("/v1/assignments", params={"partyId": "crew-1", "state": "assigned"}).json()["items"][0]
    coordinator.post(f"/v1/assignments/{other['id']}/close", json={"reason": "Doubled"})
    reopened = coordinator.post(f"{address}/reopen", json={"reason": "Wrong person"})
    assert (reopened.status_code, reopened.json()["state"], reopened.json()["completion"]) == (200, "assigned", None)
    former = facts(org, f"assignment/{one['id']}")[-1]["data"]["former"]
    assert (former["state"], former["completionMethod"]) == ("completed", "on_behalf")


def test_undo_closes_what_nobody_touched_and_names_the_rest(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    made = assign(org, workshop, course, "crew-1", "crew-2", "crew-3")
    coordinator.post(f"/v1/assignments/{made[0]['id']}/complete")
    undo = coordinator.post(f"/v1/jobs/{made[0]['jobId']}/undo")
    assert undo.status_code == 202, undo.text
    workshop.drain(org.id)
    job = coordinator.get(undo.headers["Location"]).json()
    assert (job["state"], job["counts"]["succeeded"], job["counts"]["unchanged"]) == ("succeeded", 2, 1)
    results = coordinator.get(f"/v1/jobs/{job['id']}/results", params={"outcome": "unchanged"}).json()["items"]
    assert [(item["entityId"], item["code"]) for item in results] == [("crew-1", "touched-since")]
    assert coordinator.post(f"/v1/jobs/{made[0]['jobId']}/undo").json()["id"] == job["id"]


def test_completing_many_by_course_and_taking_it_back(
    org: Org, workshop: Workshop, course: str, coordinator: TestClient
) -> None:
    made = assign(org, workshop, course, "crew-1", "crew-2")
    body = {"courseId": course, "folderIds": ["drill-floor"], "occurredOn": "2026-02-01"}
    signed = coordinator.post("/v1/assignments/complete", json=body)
    assert signed.status_code == 202, signed.text
    workshop.drain(org.id)
    job = coordinator.get(signed.headers["Location"]).json()
    assert (job["counts"]["succeeded"], job["counts"]["failed"]) == (2, 1)
    results = coordinator.get(f"/v1/jobs/{job['id']}/results").json()["items"]
    assert {item["entityId"]: item["code"] for item in results} == {
        "crew-1": "completed",
        "crew-2": "completed",
        "crew-3": "not-assigned",
    }
    undo = coordinator.post(f"/v1/jobs/{job['id']}/undo").json()
    workshop.drain(org.id)
    assert coordinator.get(f"/v1/jobs/{undo['id']}").json()["counts"]["succeeded"] == 2
    assert coordinator.get(f"/v1/assignments/{made[0]['id']}").json()["state"] == "assigned"
    again = coordinator.get(f"/v1/jobs/{job['id']}/results", params={"outcome": "succeeded"}).json()["items"]
    assert len(again) == 2  # what a job did stays told, also after it was taken back


def test_large_changes_wait_for_a_second_member(org: Org, workshop: Workshop, course: str) -> None:
    org.client().put("/v1/settings", json={"changeLimit": 2})
    body = {"courseId": course, "folderIds": ["drill-floor"], "reason": "All of them"}
    first, second = org.client(member="first"), org.client(member="second")
    job = first.post("/v1/assignments", json=body).json()
    workshop.drain(org.id)
    assert first.get(f"/v1/jobs/{job['id']}").json()["state"] == "awaiting_approval"
    refused = first.post(f"/v1/jobs/{job['id']}/approve")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:rollcall:problem:other-member-needed")
    assert second.post(f"/v1/jobs/{job['id']}/approve").json()["state"] == "queued"
    workshop.drain(org.id)
    assert first.get(f"/v1/jobs/{job['id']}").json()["counts"]["succeeded"] == 3

    job = first.post("/v1/assignments", json=body).json()
    rejected = second.post(f"/v1/jobs/{job['id']}/reject", json={"reason": "Not this year"}).json()
    assert (rejected["state"], rejected["counts"]["cancelled"], rejected["error"]) == (
        "cancelled",
        3,
        "Rejected: Not this year",
    )
