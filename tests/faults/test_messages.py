"""Each message delivered three times, in any order, to two workers at once; some lost, and all repeated late.

The test itself delivers the messages, in one process; everything else is real. `tests/jobs/test_messages.py` does the
same with one worker. Guards: a message only wakes a worker, so a repeated one does no harm; claims and row locks give
each chunk to one worker; a chunk's state is read under its lock; and `jobs.rescue` needs no message at all.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import jobs
from shared.jobs import Chunk, Claim
from tests.drain import InProcessWorker, Message
from tests.factories import Org
from tests.faults.accounts import accounted, ended, job_of, of_job, outcomes
from tests.faults.orders import crew_members, submit

SIZE = 500


@pytest.fixture(autouse=True)
def _small_chunks(worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty chunks for 500 parties."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 1)
    monkeypatch.setattr("shared.jobs.actions.LARGEST_CHUNK", 25)
    change_settings(monkeypatch)


def change_settings(patch: pytest.MonkeyPatch, **settings: float) -> None:
    """Change settings of the worker in this process. A rescue finds due work immediately."""
    from worker import app, jobs  # imported here, because they read the environment

    patch.setattr(jobs, "config", app.config.model_copy(update={"job_rescue_seconds": 1e-6, **settings}))


def submitted(org: Org) -> str:
    """Submit a job for 500 parties. Returns its id."""
    org.with_parties(*crew_members(SIZE))
    return submit(org, crew_members(SIZE))


def taken(worker: InProcessWorker, org: Org) -> list[Message]:
    """Returns and clears the messages sent since. Only those of this organization: others may have unfinished jobs."""
    messages = [message for message in worker.messages if message[1] == (org.id,)]
    worker.messages.clear()
    return messages


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.matrix) for seed in (1, 2, 3))])
def test_messages_tripled_shuffled_lost_and_late_double_nothing(org: Org, worker: InProcessWorker, seed: int) -> None:
    job_id, chance = submitted(org), random.Random(seed)
    delivered: list[Message] = []
    with ThreadPoolExecutor(2) as workers:

        def deliver(messages: list[Message]) -> None:
            list(workers.map(lambda message: worker.deliver(message[0], *message[1]), messages))

        for _ in range(100):
            if ended(org, job_id):
                break
            worker.deliver("jobs.rescue")
            batch = 3 * taken(worker, org)
            chance.shuffle(batch)
            arriving = [message for message in batch[:12] if chance.random() > 0.3]
            deliver(arriving)
            delivered += arriving
        deliver(delivered)
    assert accounted(org, job_id, seconds=0).succeeded == SIZE


def overtaken(org: Org, worker: InProcessWorker, patch: pytest.MonkeyPatch, *afterwards: str) -> None:
    """A worker claims the first chunk and freezes. Another worker does that chunk, and the assignments are closed.

    Then the first worker continues, as if ten minutes late. afterwards: SQL to run before that.
    """
    lock = jobs.lock

    def wake_late(db: Session, claimed: Claim) -> Chunk | None:
        patch.setattr(jobs, "lock", lock)
        worker.deliver("jobs.run_chunk", org.id)
        with org.transaction() as other:
            other.execute(
                text("UPDATE assignment SET state = 'closed', closed_at = now() WHERE org_id = :org"), {"org": org.id}
            )
            for statement in afterwards:
                other.execute(text(statement), {"org": org.id})
        return lock(db, claimed)

    patch.setattr(jobs, "lock", wake_late)
    change_settings(patch, job_claim_seconds=1e-6)  # shorter than the freeze
    worker.deliver("jobs.run_chunk", org.id)
    assert jobs.lock is lock, "no worker was frozen"


def test_a_worker_that_continues_ten_minutes_late_doubles_nothing(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submitted(org)
    overtaken(org, worker, monkeypatch)
    assert (of_job(org, job_id).assignments, of_job(org, job_id).parties) == (25, 25)
    worker.drain(org.id)
    assert accounted(org, job_id, seconds=0).succeeded == SIZE


def test_control_a_late_worker_counts_twice_without_the_state_read_under_the_lock(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submitted(org)
    unsettled = "UPDATE job_chunk SET state = 'pending' WHERE org_id = :org AND n = 0"
    overtaken(org, worker, monkeypatch, unsettled)
    rows, recipients = outcomes(org, job_of(org, job_id))
    assert (rows, recipients) == (SIZE + 25, SIZE), "25 recipients are done and pending at once"
