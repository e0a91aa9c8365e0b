"""Redis emptied, killed and frozen under a job of 20,000.

Guards: a job is rows in PostgreSQL before its 202, so no message is needed to know of it; `jobs.rescue` wakes it again;
and sending is bounded by short limits and comes after the answer, so a Redis that is away holds no request up.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from shared.access import Permission
from tests.factories import Org
from tests.faults.accounts import accounted, job_of, stuck
from tests.faults.orders import CREW_SIZE, order, submit
from tests.faults.plant import WITHOUT_RESCUE, Plant
from tests.faults.sabotage import slowly

pytestmark = pytest.mark.xdist_group("faults")

ANSWER_SECONDS = 3.0
"""No request takes longer because Redis is away."""


@contextmanager
def emptied_again_and_again(plant: Plant, every_seconds: float) -> Iterator[list[int]]:
    """FLUSHALL from beginning to end of the block. Answers how many messages each of them destroyed."""
    destroyed: list[int] = []
    over = threading.Event()

    def empty() -> None:
        with plant.broker() as broker:
            while not over.wait(every_seconds):
                destroyed.append(int(broker.llen("rollcall")) + int(broker.hlen("unacked")))
                broker.flushall()

    thread = threading.Thread(target=empty)
    thread.start()
    try:
        yield destroyed
    finally:
        over.set()
        thread.join()


def test_20000_survive_an_emptied_redis(plant: Plant, crew: Org) -> None:
    with (
        slowly(plant.owner_url, 0.2),
        plant.running("worker", "beat"),
        emptied_again_and_again(plant, every_seconds=0.1) as destroyed,
    ):
        job = accounted(crew, submit(crew))
    assert (job.state, job.succeeded) == ("succeeded", CREW_SIZE)
    assert sum(destroyed) > 0, "nothing was lost, so nothing was shown"


def test_control_without_the_rescue_an_emptied_redis_strands_a_job(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    with plant.broker() as broker:
        broker.flushall()
    with plant.running("worker", "beat", settings=WITHOUT_RESCUE):
        assert stuck(crew, job_id, for_seconds=6)
        assert job_of(crew, job_id).state == "queued"
        with plant.running("beat"):
            assert accounted(crew, job_id).succeeded == CREW_SIZE


def test_a_job_is_accepted_while_redis_is_dead_and_ends_when_it_is_back_empty(plant: Plant, crew: Org) -> None:
    with plant.api() as url, plant.running("worker", "beat"):
        assert plant.redis.process is not None
        plant.redis.process.kill()
        plant.redis.process.wait()
        try:
            accepted = [submit_over_http(crew, url) for _ in range(2)]
        finally:
            plant.redis.start()
        for job_id in accepted:
            assert accounted(crew, job_id).succeeded == CREW_SIZE


def test_a_frozen_redis_holds_up_no_answer(plant: Plant, crew: Org) -> None:
    with plant.api() as url, plant.running("worker", "beat"):
        assert plant.redis.process is not None
        plant.redis.process.send_signal(signal.SIGSTOP)
        try:
            accepted = [submit_over_http(crew, url) for _ in range(2)]
        finally:
            plant.redis.process.send_signal(signal.SIGCONT)
        for job_id in accepted:
            assert accounted(crew, job_id).succeeded == CREW_SIZE


def submit_over_http(org: Org, url: str) -> str:
    """Submit to the whole crew, with a time limit on the answer. The job's id."""
    headers = {"Authorization": f"Bearer {org.token(Permission.ASSIGN)}"}
    body = order(org.with_course())
    began = time.monotonic()
    answer = httpx2.post(f"{url}/v1/assignments", json=body, headers=headers, timeout=20)
    assert answer.status_code == 202, answer.text
    assert time.monotonic() - began < ANSWER_SECONDS
    assert job_of(org, answer.json()["id"]).total == CREW_SIZE, "a 202 means a durable row"
    job_id: str = answer.json()["id"]
    return job_id
