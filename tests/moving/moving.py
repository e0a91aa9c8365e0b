"""Merging and renumbering for tests: submitted by one member, approved by another."""

from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from shared import clock
from shared.access import Permission
from shared.directory import FormerParty
from shared.jobs import Job
from tests.assignments.asking import read_job
from tests.drain import InProcessWorker
from tests.factories import Org

OTHER = "member-2"
WHY = "Entered twice"


def clerk(org: Org, member: str = "member-1") -> TestClient:
    """A member who may synchronise the directory, and follows no redirect."""
    client = org.client(Permission.SYNC_DIRECTORY, member=member)
    client.follow_redirects = False
    return client


def reader(org: Org) -> TestClient:
    """A member with all permissions who follows no redirect."""
    client = org.client()
    client.follow_redirects = False
    return client


def submit(org: Org, party_id: str, act: str, **body: str) -> Any:
    """Submits a merge or a renumbering, which must be accepted. Returns the job."""
    answer = clerk(org).post(f"/v1/parties/{party_id}/{act}", json={"reason": WHY} | body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def approve(org: Org, job: Any) -> None:
    """Approves a job as the second member."""
    answer = clerk(org, OTHER).post(f"/v1/jobs/{job['id']}/approve")
    assert answer.status_code == 200, answer.text


def carried_out(org: Org, worker: InProcessWorker, job: Any) -> Any:
    """Approves a job and works on it. Returns it when it has ended."""
    approve(org, job)
    worker.drain(org.id)
    return read_job(org, job)


def merge(org: Org, worker: InProcessWorker, party_id: str, into: str) -> Any:
    """Merges a party with another one. Returns the job, which must have succeeded."""
    job = carried_out(org, worker, submit(org, party_id, "merge", into=into))
    assert job["state"] == "succeeded", results(org, job)
    return job


def renumber(org: Org, worker: InProcessWorker, party_id: str, entity_id: str) -> Any:
    """Gives a party another id. Returns the job, which must have succeeded."""
    job = carried_out(org, worker, submit(org, party_id, "renumber", entityId=entity_id))
    assert job["state"] == "succeeded", results(org, job)
    return job


def undo(org: Org, worker: InProcessWorker, job: Any) -> Any:
    """Undoes a job. Returns the undoing job when it has ended."""
    answer = clerk(org).post(f"/v1/jobs/{job['id']}/undo")
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


def results(org: Org, job: Any) -> list[dict[str, Any]]:
    """The results of a job."""
    items: list[dict[str, Any]] = org.client().get(f"/v1/jobs/{job['id']}/results").json()["items"]
    return items


def code(org: Org, job: Any) -> str:
    """The outcome code of the job's only recipient."""
    (one,) = results(org, job)
    return str(one["code"])


def former_id(org: Org, party_id: str, into: str) -> None:
    """Inserts a former id of a party, as if a job had moved it."""
    with org.transaction() as db:
        job_id = db.scalars(select(Job.id).limit(1)).one()
        moved: dict[str, Any] = {"job_id": job_id, "moved_at": clock.now(), "moved": {}, "merged": False}
        db.add(FormerParty(org_id=org.id, id=party_id, into_id=into, **moved))
