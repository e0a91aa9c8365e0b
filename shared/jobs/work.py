"""The workers' part of a job: claim a chunk and lock it; after its work settle it, or split it if the work failed.

A claim counts the attempt in a short transaction of its own, so that the count survives if the chunk kills its worker.
The work holds the chunk's row lock, which ends with the worker's connection: the lock is the lease.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.jobs.chunks import Chunk, Claim, Tally
from shared.jobs.models import ChunkState, Job, JobChunk, JobOutcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.settling import end_chunk, finish

ATTEMPTS_BEFORE_SPLIT = 2
"""A chunk that was claimed this often and never settled may kill its workers, so the next claim splits it."""

PARTS_OF_A_SPLIT = 8
"""Eight and not two, because a recipient that hangs costs a time-out at each level. 2,500 recipients are 4 levels."""


def free_places(db: Session, window: int, now: datetime, claim_seconds: float) -> int:
    """Return how many more chunks of this organization may begin. window: upper bound of chunks in progress."""
    begun_lately = _recently_claimed(now, claim_seconds)
    waiting, begun = db.execute(
        select(func.count().filter(~begun_lately), func.count().filter(begun_lately)).where(
            JobChunk.org_id == current_org(db), JobChunk.state == ChunkState.PENDING
        )
    ).one()
    return max(0, min(waiting, window - begun))


_LOCK_CLAIMS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('jobs.claim ' || :org, 0)),
        set_config('synchronous_commit', 'off', true)""")
"""Claims of an organization run one after the other. Without this lock, the second claimer would briefly lock the chunk
that the first has just claimed, and the first would then skip its own chunk until the claim expires.
The commit does not wait for the disk, because a lost count costs only one more attempt."""

_CLAIM = text("""
    WITH next AS (
        SELECT chunk.org_id, chunk.job_id, chunk.n
        FROM job_chunk AS chunk JOIN job ON job.org_id = chunk.org_id AND job.id = chunk.job_id
        WHERE chunk.org_id = :org AND chunk.state = 'pending' AND job.state IN ('queued', 'running')
            AND coalesce(chunk.claimed_at < :abandoned, true)
        ORDER BY job.progressed_at, job.id, chunk.n
        LIMIT 1 FOR UPDATE OF chunk SKIP LOCKED
    ), begun AS (
        UPDATE job_chunk AS chunk SET attempts = chunk.attempts + 1, claimed_at = :now
        FROM next WHERE chunk.org_id = next.org_id AND chunk.job_id = next.job_id AND chunk.n = next.n
        RETURNING chunk.org_id, chunk.job_id, chunk.n, chunk.attempts
    )
    UPDATE job SET state = 'running', started_at = coalesce(job.started_at, :now), progressed_at = :now
    FROM begun WHERE job.org_id = begun.org_id AND job.id = begun.job_id AND job.state IN ('queued', 'running')
    RETURNING begun.job_id, begun.n, begun.attempts""")


def claim(db: Session, now: datetime, claim_seconds: float) -> Claim | None:
    """Claim the next chunk of the job that made progress least recently. Returns None if no chunk is due."""
    org_id = current_org(db)
    db.execute(_LOCK_CLAIMS, {"org": org_id})
    row = db.execute(
        _CLAIM, {"org": org_id, "now": now, "abandoned": now - timedelta(seconds=claim_seconds)}
    ).one_or_none()
    return None if row is None else Claim(row.job_id, row.n, row.attempts)


def lock(db: Session, claimed: Claim) -> Chunk | None:
    """Lock the claimed chunk until the end of this transaction. Returns None if another worker has it or settled it."""
    size = func.cardinality(JobChunk.recipients)
    row = db.execute(
        select(Job, JobChunk.attempts, size, JobChunk.recipients[1], JobChunk.recipients[size])
        .join(Job, (Job.org_id == JobChunk.org_id) & (Job.id == JobChunk.job_id))
        .where(claimed.row(current_org(db)), JobChunk.state == ChunkState.PENDING)
        .with_for_update(of=JobChunk, skip_locked=True)
    ).one_or_none()
    return None if row is None else Chunk(row[0], claimed.n, *row[1:])


def release(db: Session, claimed: Claim) -> None:
    """Subtract the attempt of a chunk that failed because of the database, such as by a deadlock or a full disk."""
    db.execute(
        update(JobChunk)
        .where(claimed.row(current_org(db)), JobChunk.state == ChunkState.PENDING)
        .values(attempts=func.greatest(JobChunk.attempts - 1, 0))
    )


def isolate(db: Session, claimed: Claim, now: datetime) -> Job | None:
    """Split a chunk whose work failed. A chunk of one recipient is settled as failed instead.

    Returns the updated job if a recipient was settled, because the job may have ended; else None.
    """
    chunk = lock(db, claimed)
    if chunk is None:
        return None
    recipients = list(db.scalars(chunk.recipients))
    if chunk.size == 1:
        code = OutcomeCode.PROCESSING_FAILED
        key = {"org_id": chunk.job.org_id, "job_id": chunk.job.id, "entity_id": recipients[0]}
        db.execute(insert(JobOutcome).values(**key, outcome=code.outcome, code=code))
        return finish(db, chunk, Tally(failed=1), now)
    last = _last_chunk(db, chunk.job)
    size = -(-chunk.size // PARTS_OF_A_SPLIT)
    suspected = min(chunk.attempts - 1, ATTEMPTS_BEFORE_SPLIT - 1)  # a part that kills its worker once is split again
    parts = [
        {
            "org_id": chunk.job.org_id,
            "job_id": chunk.job.id,
            "n": last + n,
            "recipients": recipients[at : at + size],
            "attempts": suspected,
        }
        for n, at in enumerate(range(0, chunk.size, size), start=1)
    ]
    db.execute(insert(JobChunk), parts)
    end_chunk(db, chunk, ChunkState.SPLIT)
    return None


def _last_chunk(db: Session, job: Job) -> int:
    """Lock the job, so that two splits number their parts differently. Returns the highest number of its chunks."""
    db.execute(select(Job.id).where(Job.org_id == job.org_id, Job.id == job.id).with_for_update(key_share=True))
    last = db.scalar(select(func.max(JobChunk.n)).where(JobChunk.org_id == job.org_id, JobChunk.job_id == job.id))
    assert last is not None
    return last


def _recently_claimed(now: datetime, claim_seconds: float) -> ColumnElement[bool]:
    """The condition that the chunk was claimed less than `claim_seconds` ago. Older claims have expired."""
    return func.coalesce(JobChunk.claimed_at >= now - timedelta(seconds=claim_seconds), False)
