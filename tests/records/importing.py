"""Imports of records for tests."""

from typing import Any

from fastapi.testclient import TestClient

from shared.access import Permission
from tests.assignments.asking import pages, read_job
from tests.drain import InProcessWorker
from tests.factories import Org

CSV = "text/csv"


def record(party_id: str, course: str, completed_on: str, expires_on: str | None = None, **fields: Any) -> Any:
    """One record in JSON. course: its id."""
    ends = {} if expires_on is None else {"expiresOn": expires_on}
    return {"partyId": party_id, "courseId": course, "completedOn": completed_on} | ends | fields


def submit(client: TestClient, records: list[Any], query: str = "", **headers: str) -> Any:
    """Submit an import, which must be accepted. Returns the job."""
    answer = client.post(f"/v1/records{query}", json={"records": records}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


def bring_in(org: Org, worker: InProcessWorker, records: list[Any], query: str = "") -> Any:
    """Import records and work on the job. Returns the job when it has ended."""
    job = submit(org.client(Permission.ADMIN), records, query)
    worker.drain(org.id)
    return read_job(org, job)


def bring_in_file(org: Org, worker: InProcessWorker, text: str | bytes, form: str = CSV) -> Any:
    """Import a file and work on the job. Returns the job when it has ended."""
    sent = text if isinstance(text, bytes) else text.encode()
    answer = org.client(Permission.ADMIN).post("/v1/records", content=sent, headers={"Content-Type": form})
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


def undo(org: Org, worker: InProcessWorker, job: Any) -> Any:
    """Undo an import. Returns the undoing job when it has ended."""
    answer = org.client().post(f"/v1/jobs/{job['id']}/undo")
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    return read_job(org, answer.json())


def results(org: Org, job: Any) -> dict[int, dict[str, Any]]:
    """The results of an import, by row."""
    return {one["row"]: one for one in pages(org.client(), f"/v1/jobs/{job['id']}/results", limit=500)}


def codes(org: Org, job: Any) -> list[str]:
    """The outcome code of each row, in the order of the rows."""
    return [one["code"] for _, one in sorted(results(org, job).items())]


def licences(org: Org, **filters: str) -> list[dict[str, Any]]:
    """The licences that the API lists, by their beginning."""
    return sorted(pages(org.client(), "/v1/licences", **filters), key=lambda one: (one["validFrom"], one["expiresAt"]))
