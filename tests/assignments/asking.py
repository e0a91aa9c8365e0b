"""Requests about assignments, and the answers to them, for tests of any noun."""

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import update

from shared import clock
from shared.access import Permission
from shared.assignments import Assignment, AssignmentState
from tests.drain import InProcessWorker
from tests.factories import Org

CREW = "drill-floor-crew"


def body(course_id: str, *party_ids: str, **fields: object) -> dict[str, Any]:
    """The body of a submission for these parties. fields: other fields, named as in JSON."""
    named = {"recipients": recipients(*party_ids)} if party_ids else {}
    return {"courseId": course_id, "reason": "HSE program annual refresh, Q2 2026", **named, **fields}


def recipients(*party_ids: str) -> list[dict[str, str]]:
    """The parties as recipients."""
    return [{"entityType": "party", "entityId": party_id} for party_id in party_ids]


def parties(count: int, first: int = 0) -> list[str]:
    """The ids `party-00000`, `party-00001` and so on: `count` of them, from number `first`."""
    return [f"party-{n:05}" for n in range(first, first + count)]


def submit(client: TestClient, asked: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Submits a job, which must be accepted. Returns the job."""
    answer = client.post("/v1/assignments", json=asked, headers=headers)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def assign(
    org: Org, worker: InProcessWorker, asked: dict[str, Any], client: TestClient | None = None
) -> dict[str, Any]:
    """Submits a job and works on it. Returns the finished job."""
    job = submit(client or org.client(), asked)
    worker.drain(org.id)
    return read_job(org, job)


def read_job(org: Org, job: dict[str, Any]) -> dict[str, Any]:
    """The job, read again."""
    found: dict[str, Any] = org.client().get(f"/v1/jobs/{job['id']}").json()
    return found


def pages(client: TestClient, path: str, **params: str | int) -> list[dict[str, Any]]:
    """Every item of a list, read page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = client.get(path, params={**params, **cursor})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["nextCursor"] is None:
            return items
        cursor = {"cursor": answer.json()["nextCursor"]}


def codes(org: Org, job: dict[str, Any]) -> dict[str, str]:
    """The outcome code of every recipient of a job."""
    items = pages(org.client(), f"/v1/jobs/{job['id']}/results", limit=500)
    by_id = {item["entityId"]: item["code"] for item in items}
    assert len(by_id) == len(items), "a recipient has two outcomes"
    return by_id


def counted(codes: Iterable[str]) -> dict[str, int]:
    """The number of recipients with each code."""
    return dict(Counter(codes))


def deactivate(org: Org, *party_ids: str) -> None:
    """Sets parties inactive."""
    left = [{"entityId": party_id, "displayName": "Somebody", "active": False} for party_id in party_ids]
    answer = org.client(Permission.SYNC_DIRECTORY).put("/v1/parties", json={"parties": left})
    assert answer.status_code == 200, answer.text


def complete(org: Org, course_id: str, *party_ids: str) -> None:
    """Marks the parties' assignments of a course as completed, in the database."""
    done = {
        "state": AssignmentState.COMPLETED,
        "completion_method": "on_behalf",
        "completed_by_type": "member",
        "completed_by_id": "member-1",
        "completed_at": clock.now(),
        "occurred_on": clock.now().date(),
    }
    ours = Assignment.course_id == uuid.UUID(course_id), Assignment.party_id.in_(party_ids)
    with org.transaction() as db:
        db.execute(update(Assignment).where(*ours).values(done))


def events(org: Org) -> list[dict[str, Any]]:
    """Every event of the organization. Fails if a sequence number is missing."""
    client, found, after = org.client(Permission.READ_EVENTS), [], "0"
    while items := (answer := client.get("/v1/events", params={"after": after, "limit": 500}).json())["items"]:
        found += items
        after = answer["nextCursor"]
    assert [event["sequence"] for event in found] == [str(n) for n in range(1, len(found) + 1)]
    return found
