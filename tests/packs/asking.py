"""Requests for packs, and completions to tell of, for tests of packs."""

from typing import Any

from shared import clock
from tests.assignments.asking import read_job
from tests.drain import InProcessWorker
from tests.factories import Org


def ask(org: Org, worker: InProcessWorker, filter: dict[str, Any], client: Any = None, **fields: Any) -> str:
    """Ask for a pack and let it be made. Returns its id."""
    asked = {"filter": filter, "on": clock.now().date().isoformat(), **fields}
    answer = (client or org.client()).post("/v1/packs", json=asked)
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
    job = read_job(org, answer.json())
    assert job["state"] == "succeeded", job
    pack_id: str = job["request"]["packId"]
    return pack_id


def complete(org: Org, worker: InProcessWorker, course: str) -> None:
    """Complete the assignments of the folder `crew`, by a job that records events and grants licences."""
    answer = org.client().post("/v1/assignments/complete", json={"courseId": course, "folderIds": ["crew"]})
    assert answer.status_code == 202, answer.text
    worker.drain(org.id)
