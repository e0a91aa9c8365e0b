"""Redis emptied, killed and frozen under a job of 20,000.

Guards: a job is rows in PostgreSQL before its 202, so no message is needed to know of it; `jobs.rescue` wakes it again;
and sending is bounded by short limits and comes after the answer, so a Redis that is away holds no request up.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from shared.access import Permission
from tests.factories import Org
from tests.faults.accounts import accounted, job_of, stuck
from tests.faults.orders import CREW_SIZE, crew_members, order, submit
from tests.faults.plant import Plant
from tests.faults.sabotage import slowly

ANSWER_SECONDS = 3.0
"""No request takes so much longer because Redis is away."""

MORE_THAN_THREADS = 50
"""An API process has 40 threads: if each of so many requests held one up, there would be none left to answer."""


@contextmanager
def emptied_again_and_again(plant: Plant, every_seconds: float) -> Iterator[list[int]]:
    """FLUSHALL from beginning to end of the block. Answers how many messages each of them destroyed."""
    destroyed: list[int] = []
    over = threading.Event()

    def empty() -> None:
        while not over.wait(every_seconds):
            destroyed.append(plant.empty_redis())

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield destroyed
    finally:
        over.set()
        thread.join()


class TestAtWork:
    """All programs run throughout."""

    @pytest.fixture(scope="class")
    def url(self, plant: Plant, crew: Org) -> Iterator[str]:
        """The address of the API."""
        with plant.at_work() as url:
            yield url

    @pytest.mark.usefixtures("url")
    def test_20000_survive_an_emptied_redis(self, plant: Plant, crew: Org) -> None:
        with slowly(plant.owner_url, 0.2), emptied_again_and_again(plant, every_seconds=0.1) as destroyed:
            job = accounted(crew, submit(crew))
        assert (job.state, job.succeeded) == ("succeeded", CREW_SIZE)
        assert sum(destroyed) > 0, "nothing was lost, so nothing was shown"

    def test_jobs_are_accepted_while_redis_is_dead_and_end_when_it_is_back_empty(
        self, plant: Plant, crew: Org, url: str
    ) -> None:
        with plant.without_redis():
            accepted, slowest = submit_at_once(crew, url, times=3)
        assert slowest < ANSWER_SECONDS
        assert_all_end(crew, accepted)

    def test_a_frozen_redis_holds_up_no_answer(self, plant: Plant, crew: Org, url: str) -> None:
        _, slowest_before = submit_at_once(crew, url, times=MORE_THAN_THREADS)
        with plant.with_frozen_redis():
            accepted, slowest = submit_at_once(crew, url, times=MORE_THAN_THREADS)
        assert slowest < slowest_before + ANSWER_SECONDS
        assert_all_end(crew, accepted[:3])


def test_control_without_the_rescue_an_emptied_redis_strands_a_job(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    plant.empty_redis()
    with plant.running("worker"):
        assert stuck(crew, job_id, for_seconds=5)
        assert job_of(crew, job_id).state == "queued"
        with plant.running("beat"):
            assert accounted(crew, job_id).succeeded == CREW_SIZE


def assert_all_end(org: Org, job_ids: list[str]) -> None:
    """Each of these jobs, which are about the same fifty parties, ends; one of them makes the assignments."""
    done = [accounted(org, job_id) for job_id in job_ids]
    assert {job.succeeded + job.unchanged for job in done} == {50}


def submit_at_once(org: Org, url: str, *, times: int) -> tuple[list[str], float]:
    """Submit to fifty parties from as many clients at once. The jobs' ids, and the seconds of the slowest answer."""
    body = order(org.with_course(), crew_members(50))
    headers = {"Authorization": f"Bearer {org.token(Permission.ASSIGN)}"}

    def submit_one(_: int) -> tuple[str, float]:
        began = time.monotonic()
        answer = client.post("/v1/assignments", json=body)
        seconds = time.monotonic() - began
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        assert job_of(org, job_id).total == 50, "a 202 means a durable row"
        return job_id, seconds

    with httpx2.Client(base_url=url, headers=headers, timeout=30) as client, ThreadPoolExecutor(times) as clients:
        answered = list(clients.map(submit_one, range(times)))
    return [job_id for job_id, _ in answered], max(seconds for _, seconds in answered)
