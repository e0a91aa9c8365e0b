"""Carrying jobs out, as workers do: claim a chunk, lock it, work on it, settle it; or split it when it fails.

A claim is counted in a short transaction of its own, so that a recipient which kills its worker is noticed.
The work happens under the chunk's row lock, which dies with its connection: the lock is the lease.
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
"""A chunk begun this often without an end is suspected of killing its worker, and split."""

PARTS_OF_A_SPLIT = 8
"""Eight and not two: a recipient that hangs or kills costs a time-out a level, and 2,500 are 4 levels of eight."""


def free_places(db: Session, window: int, now: datetime, claim_seconds: float) -> int:
    """How many more chunks of this organization may be begun: at most `window` at a time, at most those waiting."""
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
"""Claims of an organization take turns. Of two at once the second would lock the first one's chunk too, to see that it
is taken by now, and the first would then find its own chunk locked and leave it lying until the claim is old.
Nothing waits for the disk: a lost count of attempts costs one more attempt, no more."""

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
    """Begin the next chunk of the organization's job that was served least recently, or None when there is none."""
    org_id = current_org(db)
    db.execute(_LOCK_CLAIMS, {"org": org_id})
    row = db.execute(
        _CLAIM, {"org": org_id, "now": now, "abandoned": now - timedelta(seconds=claim_seconds)}
    ).one_or_none()
    return None if row is None else Claim(row.job_id, row.n, row.attempts)


def lock(db: Session, claimed: Claim) -> Chunk | None:
    """Lock the claimed chunk until the end of this transaction. None when somebody else has it, or it is settled."""
    size = func.cardinality(JobChunk.recipients)
    row = db.execute(
        select(Job, JobChunk.attempts, size, JobChunk.recipients[1], JobChunk.recipients[size])
        .join(Job, (Job.org_id == JobChunk.org_id) & (Job.id == JobChunk.job_id))
        .where(claimed.row(current_org(db)), JobChunk.state == ChunkState.PENDING)
        .with_for_update(of=JobChunk, skip_locked=True)
    ).one_or_none()
    return None if row is None else Chunk(row[0], claimed.n, *row[1:])


def release(db: Session, claimed: Claim) -> None:
    """Put back a chunk that failed for no fault of its own (a deadlock, a full disk): the attempt does not count."""
    db.execute(
        update(JobChunk)
        .where(claimed.row(current_org(db)), JobChunk.state == ChunkState.PENDING)
        .values(attempts=func.greatest(JobChunk.attempts - 1, 0))
    )


def isolate(db: Session, claimed: Claim, now: datetime) -> Job | None:
    """Split a chunk that cannot be done as a whole, until the one bad recipient stands alone and is reported.

    Returns the job where that settled a recipient, because the job may have ended; else None.
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
    suspected = min(chunk.attempts - 1, ATTEMPTS_BEFORE_SPLIT - 1)  # one more death splits a part of a killer's chunk
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
    """The highest number among a job's chunks; its job row is locked, so that two splits cannot take the same ones."""
    db.execute(select(Job.id).where(Job.org_id == job.org_id, Job.id == job.id).with_for_update(key_share=True))
    last = db.scalar(select(func.max(JobChunk.n)).where(JobChunk.org_id == job.org_id, JobChunk.job_id == job.id))
    assert last is not None
    return last


def _recently_claimed(now: datetime, claim_seconds: float) -> ColumnElement[bool]:
    """Whether somebody began the chunk a moment ago. An older claim counts for nothing: only the row lock does."""
    return func.coalesce(JobChunk.claimed_at >= now - timedelta(seconds=claim_seconds), False)
