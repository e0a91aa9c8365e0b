"""Settling: outcomes are stored and added to the job, and the job ends when no recipient is pending.

The event counter is locked before the job: see docs/locks.md.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select, TextualSelect, and_, case, func, insert, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.events import Actor, Fact
from shared.jobs.chunks import Chunk, Claim, Tally
from shared.jobs.models import FINAL_STATES, ChunkState, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.queries import counts

SYSTEM = Actor("system", "worker")


def store_outcomes(db: Session, outcomes: Select[Any] | TextualSelect, *, detailed: bool = False) -> Tally:
    """Store outcomes in one statement. Returns their tally.

    outcomes: selects `org_id, job_id, entity_id, outcome, code, record_id`, and if detailed also `detail`.
    """
    columns: list[Any] = [
        JobOutcome.org_id,
        JobOutcome.job_id,
        JobOutcome.entity_id,
        JobOutcome.outcome,
        JobOutcome.code,
        JobOutcome.record_id,
        *([JobOutcome.detail] if detailed else []),
    ]
    stored = insert(JobOutcome).from_select(columns, outcomes).returning(JobOutcome.outcome).cte("stored")
    rows = db.execute(select(stored.c.outcome, func.count()).group_by(stored.c.outcome)).tuples()
    found = {Outcome(outcome): count for outcome, count in rows}
    return Tally(*(found.get(outcome, 0) for outcome in (Outcome.SUCCEEDED, Outcome.UNCHANGED, Outcome.FAILED)))


def finish(db: Session, chunk: Chunk, tally: Tally, now: datetime) -> Job:
    """Settle a chunk in the transaction that did its work. Returns the updated job."""
    if tally.total != chunk.size:
        raise RuntimeError(f"{chunk.size} recipients went in, {tally.total} outcomes came out")
    end_chunk(db, chunk, ChunkState.DONE)
    return settle(db, chunk.job.id, tally, now)


def end_chunk(db: Session, chunk: Chunk, state: ChunkState) -> None:
    """Set the final state of a chunk."""
    db.execute(update(JobChunk).where(Claim(chunk.job.id, chunk.n, 0).row(chunk.job.org_id)).values(state=state))


def cancel_unbegun(db: Session, job_id: uuid.UUID) -> int:
    """Cancel the chunks of a job that no worker has locked. Returns their number of recipients, for `settle`."""
    of_job = and_(JobChunk.org_id == current_org(db), JobChunk.job_id == job_id)
    free = select(JobChunk.n).where(of_job, JobChunk.state == ChunkState.PENDING).with_for_update(skip_locked=True)
    return sum(
        db.scalars(
            update(JobChunk)
            .where(of_job, JobChunk.n.in_(free))
            .values(state=ChunkState.CANCELLED)
            .returning(func.cardinality(JobChunk.recipients))
        )
    )


def end_cancelled(db: Session, now: datetime) -> list[Job]:
    """Cancel and settle pending chunks of jobs in state `cancelling`, whose workers died. Returns these jobs."""
    cancelling = select(Job.id).where(Job.org_id == current_org(db), Job.state == JobState.CANCELLING)
    cancelled = ((job_id, cancel_unbegun(db, job_id)) for job_id in db.scalars(cancelling).all())
    return [settle(db, job_id, Tally(cancelled=count), now) for job_id, count in cancelled if count]


def settle(db: Session, job_id: uuid.UUID, tally: Tally, now: datetime) -> Job:
    """Add outcomes to a job, and end it when no recipient is pending. Returns the updated job.

    Locks the event counter, then the job row.
    """
    events.lock_counter(db)
    remaining = Job.pending - tally.total
    ending = case(
        (Job.cancelled + tally.cancelled > 0, JobState.CANCELLED),
        (Job.failed + tally.failed == Job.total, JobState.FAILED),
        (Job.failed + tally.failed > 0, JobState.PARTIALLY_SUCCEEDED),
        else_=JobState.SUCCEEDED,
    )
    job = db.scalars(
        update(Job)
        .where(Job.org_id == current_org(db), Job.id == job_id, Job.state.not_in(FINAL_STATES))
        .values(
            succeeded=Job.succeeded + tally.succeeded,
            unchanged=Job.unchanged + tally.unchanged,
            failed=Job.failed + tally.failed,
            cancelled=Job.cancelled + tally.cancelled,
            progressed_at=now,
            state=case((remaining == 0, ending), else_=Job.state),
            finished_at=case((remaining == 0, now)),
        )
        .returning(Job)
        .execution_options(populate_existing=True)
    ).one()
    if job.has_ended:
        data = {"kind": job.kind, "state": job.state, "counts": counts(job)}
        events.record(db, SYSTEM, now, Fact("job.finished", f"job/{job_id}", data))
    return job
