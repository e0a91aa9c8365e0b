"""Redis is emptied, killed and frozen during jobs.

Guards: a job is committed to PostgreSQL before its 202, so it does not depend on a message; `jobs.rescue` wakes a
worker for it again; messages are sent after the response, with short timeouts, so a missing Redis delays no request.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest
import redis

from shared.access import Permission
from tests.factories import Org
from tests.faults.accounts import accounted, job_of, stuck
from tests.faults.background import in_background
from tests.faults.orders import Crew, crew_members, order, submit
from tests.faults.plant import WITHOUT_RESCUE, Plant
from tests.faults.sabotage import slowly

ANSWER_SECONDS = 3.0
"""Upper bound for the delay of a request by a missing Redis."""

MORE_THAN_THREADS = 50
"""An API process has 40 threads. If each of these requests blocked one, none would be left to answer."""


@contextmanager
def redis_emptied_repeatedly(plant: Plant, every_seconds: float) -> Iterator[list[int]]:
    """Empty Redis repeatedly while the block runs. Yields the number of messages that each FLUSHALL deleted."""
    deleted: list[int] = []

    def empty(over: threading.Event) -> None:
        while not over.wait(every_seconds):
            deleted.append(plant.empty_redis())

    with in_background(empty):
        yield deleted


class TestAtWork:
    """Tests during which all programs run."""

    @pytest.fixture(scope="class")
    def url(self, plant: Plant, crew: Org) -> Iterator[str]:
        """Yields the address of the API."""
        with plant.at_work() as url:
            yield url

    @pytest.mark.usefixtures("url")
    def test_a_job_survives_an_emptied_redis(self, plant: Plant, crew: Crew) -> None:
        with slowly(plant.owner_url, 0.2), redis_emptied_repeatedly(plant, every_seconds=0.1) as deleted:
            job = accounted(crew, submit(crew))
        assert (job.state, job.succeeded) == ("succeeded", crew.size)
        assert sum(deleted) > 0, "no message was lost, so the test shows nothing"

    def test_jobs_are_accepted_without_redis_and_end_when_it_is_back_empty(
        self, plant: Plant, crew: Org, url: str
    ) -> None:
        with plant.without_redis():
            accepted, slowest = submit_at_once(crew, url, times=3)
        assert slowest < ANSWER_SECONDS
        assert_all_end(crew, accepted)

    def test_a_frozen_redis_delays_no_response(self, plant: Plant, crew: Org, url: str) -> None:
        _, slowest_before = submit_at_once(crew, url, times=MORE_THAN_THREADS)
        with plant.with_frozen_redis():
            accepted, slowest = submit_at_once(crew, url, times=MORE_THAN_THREADS)
        assert slowest < slowest_before + ANSWER_SECONDS
        assert_all_end(crew, accepted[:3])


@pytest.mark.matrix
def test_control_a_job_never_starts_after_an_emptied_redis_without_the_rescue(plant: Plant, crew: Crew) -> None:
    job_id = submit(crew)
    plant.empty_redis()
    with plant.running("worker", settings=WITHOUT_RESCUE):
        assert stuck(crew, job_id, for_seconds=5)
        assert job_of(crew, job_id).state == "queued"
    with plant.running("worker"):
        assert accounted(crew, job_id).succeeded == crew.size


def test_jobs_end_without_redis_and_without_beat(plant: Plant, crew: Crew) -> None:
    """Each worker process looks for due work itself."""
    with plant.running("worker"):
        assert accounted(crew, submit(crew, crew_members(50))).succeeded == 50, "the worker is at work"
        with plant.without_redis():
            assert accounted(crew, submit(crew)).succeeded == crew.size
        with redis_full(plant):
            assert accounted(crew, submit(crew)).succeeded == crew.size
        assert accounted(crew, submit(crew, crew_members(50))).succeeded == 50


@contextmanager
def redis_full(plant: Plant) -> Iterator[None]:
    """Let Redis refuse every write while the block runs."""
    with redis.Redis.from_url(plant.redis.url, socket_timeout=2) as broker:
        broker.config_set("maxmemory-policy", "noeviction")
        broker.config_set("maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            broker.set("any", "thing")
        try:
            yield
        finally:
            broker.config_set("maxmemory", 0)


def assert_all_end(org: Org, job_ids: list[str]) -> None:
    """Assert that each of these jobs ends. All are for the same fifty parties; one of them makes the assignments."""
    done = [accounted(org, job_id) for job_id in job_ids]
    assert {job.succeeded + job.unchanged for job in done} == {50}


def submit_at_once(org: Org, url: str, *, times: int) -> tuple[list[str], float]:
    """Submit `times` jobs for fifty parties at once. Returns their ids, and the seconds of the slowest response."""
    body = order(org.with_course(), crew_members(50))
    headers = {"Authorization": f"Bearer {org.token(Permission.ASSIGN)}"}

    def submit_one(_: int) -> tuple[str, float]:
        began = time.monotonic()
        answer = client.post("/v1/assignments", json=body)
        seconds = time.monotonic() - began
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        assert job_of(org, job_id).total == 50, "a 202 promises a committed row"
        return job_id, seconds

    with httpx2.Client(base_url=url, headers=headers, timeout=30) as client, ThreadPoolExecutor(times) as clients:
        answered = list(clients.map(submit_one, range(times)))
    return [job_id for job_id, _ in answered], max(seconds for _, seconds in answered)
