"""Messages three times each, in any order, to two workers at once, some of them lost, and all of them late again.

In process: the transport is the test's hand, everything else is real; `tests/jobs/test_messages.py` does the like with
one worker. Guards: a message carries no obligation, so what it says cannot be wrong; claims and row locks give each
chunk to one; a chunk's state is read under its lock; and `jobs.rescue` needs no message at all.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import jobs
from shared.jobs import Chunk, Claim
from tests.drain import Message, Workshop
from tests.factories import Org
from tests.faults.accounts import accounted, ended, job_of, of_job, outcomes
from tests.faults.orders import crew_members, submit

SIZE = 500


@pytest.fixture(autouse=True)
def _small_chunks(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty of them for 500 parties."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 1)
    monkeypatch.setattr("shared.jobs.actions.LARGEST_CHUNK", 25)
    change_settings(monkeypatch)


def change_settings(patch: pytest.MonkeyPatch, **settings: float) -> None:
    """Change settings of the worker in this process; a rescue finds at once what is due."""
    from worker import app, jobs  # they read the environment, so not before it is set

    patch.setattr(jobs, "config", app.config.model_copy(update={"job_rescue_seconds": 1e-6, **settings}))


def submitted(org: Org) -> str:
    """A job for 500 parties. Its id."""
    org.with_parties(*crew_members(SIZE))
    return submit(org, crew_members(SIZE))


def taken(workshop: Workshop, org: Org) -> list[Message]:
    """What was sent since, about this organization; the database may hold unfinished jobs of others."""
    messages = [message for message in workshop.messages if message[1] == (org.id,)]
    workshop.messages.clear()
    return messages


@pytest.mark.parametrize("seed", range(4))
def test_messages_tripled_shuffled_lost_and_late_double_nothing(org: Org, workshop: Workshop, seed: int) -> None:
    job_id, chance = submitted(org), random.Random(seed)
    delivered: list[Message] = []
    with ThreadPoolExecutor(2) as workers:

        def deliver(messages: list[Message]) -> None:
            list(workers.map(lambda message: workshop.deliver(message[0], *message[1]), messages))

        for _ in range(100):
            if ended(org, job_id):
                break
            workshop.deliver("jobs.rescue")
            batch = 3 * taken(workshop, org)
            chance.shuffle(batch)
            arriving = [message for message in batch[:12] if chance.random() > 0.3]
            deliver(arriving)
            delivered += arriving
        deliver(delivered)
    assert accounted(org, job_id, seconds=0).succeeded == SIZE


def overtaken(org: Org, workshop: Workshop, patch: pytest.MonkeyPatch, *afterwards: str) -> None:
    """A worker claims the first chunk and freezes; another one does that chunk, and later the assignments are closed.

    Then the first one wakes, ten minutes late. afterwards: SQL to run before it does.
    """
    lock = jobs.lock

    def wake_late(db: Session, claimed: Claim) -> Chunk | None:
        patch.setattr(jobs, "lock", lock)
        workshop.deliver("jobs.run_chunk", org.id)
        with org.transaction() as other:
            other.execute(
                text("UPDATE assignment SET state = 'closed', closed_at = now() WHERE org_id = :org"), {"org": org.id}
            )
            for statement in afterwards:
                other.execute(text(statement), {"org": org.id})
        return lock(db, claimed)

    patch.setattr(jobs, "lock", wake_late)
    change_settings(patch, job_claim_seconds=1e-6)  # it has been frozen for longer than that
    workshop.deliver("jobs.run_chunk", org.id)
    assert jobs.lock is lock, "nobody was frozen"


def test_a_worker_that_wakes_ten_minutes_late_doubles_nothing(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submitted(org)
    overtaken(org, workshop, monkeypatch)
    assert (of_job(org, job_id).assignments, of_job(org, job_id).parties) == (25, 25)
    workshop.drain(org.id)
    assert accounted(org, job_id, seconds=0).succeeded == SIZE


def test_control_without_the_state_under_the_lock_a_late_worker_counts_twice(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submitted(org)
    unsettled = "UPDATE job_chunk SET state = 'pending' WHERE org_id = :org AND n = 0"
    overtaken(org, workshop, monkeypatch, unsettled)
    rows, recipients = outcomes(org, job_of(org, job_id))
    assert (rows, recipients) == (SIZE + 25, SIZE), "25 have been done and are to be done again"
