"""PostgreSQL is restarted without a clean shutdown, and connections are cut, during a job.

Guards: committed rows are on disk and uncommitted ones leave no trace; a dead connection is replaced; `jobs.rescue`
finds the job once the database is back. Meanwhile the API answers 503, never another error.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from shared.access import Permission
from tests.faults.accounts import accounted, halfway
from tests.faults.background import in_background
from tests.faults.orders import Crew, submit
from tests.faults.plant import Plant, inserting
from tests.faults.sabotage import slowly
from tests.waiting import within


@pytest.fixture(scope="module")
def url(plant: Plant, crew: Crew) -> Iterator[str]:
    """Runs all programs, with slow chunks. Yields the address of the API."""
    with slowly(plant.owner_url, 0.25), plant.at_work() as url:
        yield url


@contextmanager
def requests_repeated(url: str, token: str) -> Iterator[list[httpx2.Response]]:
    """Request the list of jobs repeatedly while the block runs. Yields the responses; there is one when it starts."""
    answers: list[httpx2.Response] = []

    def ask(over: threading.Event) -> None:
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=15) as client:
            while not over.wait(0.1):
                answers.append(client.get("/v1/jobs"))

    with in_background(ask):
        assert within(30, lambda: bool(answers))
        yield answers


def test_a_job_survives_an_immediate_restart_of_postgresql(plant: Plant, crew: Crew, url: str) -> None:
    with requests_repeated(url, crew.token(Permission.VIEW)) as answers:
        job_id = submit(crew)
        with plant.overseer() as overseer:
            assert within(30, lambda: inserting(overseer) and halfway(crew, job_id))
        with plant.without_postgres():
            assert within(10, lambda: answers[-1].status_code == 503)
        crew.parts.database.close()  # our own connections are dead too
        job = accounted(crew, job_id)
        assert within(10, lambda: answers[-1].status_code == 200)
    assert job.succeeded == crew.size
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)


@pytest.mark.usefixtures("url")
def test_a_job_survives_three_cuts_of_all_worker_connections(plant: Plant, crew: Crew) -> None:
    job_id = submit(crew)
    with plant.overseer() as overseer:
        for _ in range(3):
            assert within(30, lambda: inserting(overseer))
            overseer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rollcall worker'"
            )
    assert accounted(crew, job_id).succeeded == crew.size
