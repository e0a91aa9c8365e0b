"""Messages lost, doubled and reordered; recipients that raise, hang or cut the connection; jobs cancelled in between.

The worker is this process, its messages are in the test's hand, the database is real. What processes and servers
do when they are killed is tried in `tests/faults/`.
"""

import random
from contextlib import ExitStack
from datetime import timedelta

import pytest
import time_machine

from shared import clock, jobs
from shared.jobs import Chunk, Claim
from tests.conftest import Servers
from tests.drain import Workshop
from tests.factories import Org
from tests.faults.accounts import accounted, of_job
from tests.faults.orders import submit
from tests.faults.sabotage import CUTS_THE_CONNECTION, HANGS, RAISES, bad_party

PARTIES = [f"party-{n:04}" for n in range(1000)]


@pytest.fixture
def crew(org: Org) -> Org:
    org.with_parties(*PARTIES)
    return org


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks from few parties."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 50)
    monkeypatch.setattr("shared.jobs.actions.LARGEST_CHUNK", 50)


@pytest.mark.parametrize("seed", range(3))
def test_messages_three_times_and_in_any_order(crew: Org, workshop: Workshop, seed: int) -> None:
    chance = random.Random(seed)
    job_id = submit(crew, PARTIES)
    for _ in range(3):
        workshop.send("jobs.run", crew.id)
    while workshop.messages:
        chance.shuffle(workshop.messages)
        task, args = workshop.messages.popleft()
        for _ in range(chance.choice([1, 1, 3])):
            workshop.deliver(task, *args)
    assert accounted(crew, job_id).succeeded == len(PARTIES)


@pytest.mark.parametrize("seed", range(3))
def test_what_lost_messages_leave_is_found_by_the_rescue(crew: Org, workshop: Workshop, seed: int) -> None:
    chance = random.Random(seed)
    job_id = submit(crew, PARTIES)
    workshop.send("jobs.run", crew.id)
    later = clock.now()
    for _ in range(300):
        while workshop.messages:
            task, args = workshop.messages.popleft()
            if chance.random() > 0.3:
                workshop.deliver(task, *args)
        later += timedelta(seconds=30)
        with time_machine.travel(later, tick=True):
            if jobs.JobState(_state(crew, job_id)).final:
                break
            workshop.deliver("jobs.rescue")
    assert accounted(crew, job_id).succeeded == len(PARTIES)


def test_control_without_the_rescue_a_lost_message_leaves_the_job_undone(crew: Org, workshop: Workshop) -> None:
    job_id = submit(crew, PARTIES)
    workshop.deliver("jobs.run", crew.id)
    workshop.messages.clear()
    workshop.drain()
    assert _state(crew, job_id) == "running"
    assert 0 < of_job(crew, job_id).assignments < len(PARTIES)


def test_a_chunk_in_somebody_elses_hands_is_left_alone(crew: Org, workshop: Workshop) -> None:
    job_id = submit(crew, PARTIES[:50])
    with crew.transaction() as db:
        claimed = jobs.claim(db, clock.now(), 10)
    assert claimed is not None
    with crew.transaction() as holder:
        assert jobs.lock(holder, claimed) is not None
        with time_machine.travel(clock.now() + timedelta(minutes=5)):
            workshop.drain(crew.id)
        assert of_job(crew, job_id).assignments == 0
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        workshop.drain(crew.id)
    assert accounted(crew, job_id).succeeded == 50


def test_without_the_lock_the_database_still_refuses_to_settle_twice(
    crew: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`jobs.lock` keeps two workers apart. Taken away, the second settling is refused: the sums would not hold."""
    submit(crew, PARTIES[:50])
    with crew.transaction() as db:
        claimed = jobs.claim(db, clock.now(), 10)
        assert claimed is not None
        chunk = jobs.lock(db, claimed)
        assert chunk is not None
    taken: list[Chunk] = []

    def unlocked(_: object, __: Claim) -> Chunk:
        taken.append(chunk)
        return chunk

    monkeypatch.setattr(jobs, "lock", unlocked)
    from worker import jobs as at_work

    at_work._attempt(crew.id, claimed)
    at_work._attempt(crew.id, claimed)
    assert len(taken) == 2
    with crew.transaction() as db:
        job = jobs.get(db, chunk.job.id)
    assert job.succeeded == 50  # the second settling was refused by the database, not counted twice


def test_one_raises_one_hangs_one_cuts_the_connection(crew: Org, workshop: Workshop, servers: Servers) -> None:
    bad = {"party-0007": RAISES, "party-0333": HANGS, "party-0801": CUTS_THE_CONNECTION}
    with workshop.impatient(0.5):
        job_id = submit(crew, PARTIES)
        with ExitStack() as sabotage:
            for party, deed in bad.items():
                sabotage.enter_context(bad_party(servers.owner_url, crew.id, party, deed))
            later = clock.now()
            for _ in range(40):
                later += timedelta(seconds=30)
                with time_machine.travel(later, tick=True):
                    workshop.deliver("jobs.rescue")
                    workshop.drain(crew.id)
                    if jobs.JobState(_state(crew, job_id)).final:
                        break
    job = accounted(crew, job_id)
    assert (job.state, job.succeeded, job.failed) == ("partially_succeeded", 997, 3)
    failed = crew.client().get(f"/v1/jobs/{job_id}/results", params={"outcome": "failed"}).json()["items"]
    assert {item["entityId"]: item["code"] for item in failed} == dict.fromkeys(bad, "processing-failed")


@pytest.mark.parametrize("seed", range(4))
def test_a_job_cancelled_at_any_moment_accounts_for_everybody(crew: Org, workshop: Workshop, seed: int) -> None:
    chance = random.Random(seed)
    job_id = submit(crew, PARTIES)
    workshop.send("jobs.run", crew.id)
    moment = chance.randrange(20)
    while workshop.messages:
        if moment == 0:
            crew.client().post(f"/v1/jobs/{job_id}/cancel")
        moment -= 1
        task, args = workshop.messages.popleft()
        workshop.deliver(task, *args)
    job = accounted(crew, job_id)
    assert job.succeeded + job.cancelled == len(PARTIES)
    assert (job.state == "cancelled") == (job.cancelled > 0)


def _state(org: Org, job_id: str) -> str:
    state: str = org.client().get(f"/v1/jobs/{job_id}").json()["state"]
    return state
