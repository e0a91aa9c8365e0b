"""The workers' part of a job: claim a chunk and lock it; after its work settle it, or split it if the work failed.

A claim counts the attempt in a short transaction of its own, so that the count survives if the chunk kills its worker.
The work holds the chunk's row lock, which ends with the worker's connection: the lock is the lease.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.jobs.chunks import Chunk, Claim, Tally
from shared.jobs.models import ChunkState, Job, JobChunk, JobOutcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.settling import end_chunk, finish

ATTEMPTS_BEFORE_SPLIT = 2
"""A chunk that was claimed this often and never settled may kill its workers, so the next claim splits it."""

ATTEMPTS_ALONE = 5
"""A single recipient whose attempts all died, in a minute with growing pauses, is given up: `processing-interrupted`.
Fewer, and two restarts of a worker would blame it."""

PARTS_OF_A_SPLIT = 8
"""Eight and not two, because a recipient that hangs costs a time-out at each level. 2,500 recipients are 4 levels."""


_LOCK_CLAIMS = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('jobs.claim ' || :org, 0)),
        set_config('synchronous_commit', 'off', true), set_config('enable_seqscan', 'off', true),
        set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true),
        set_config('enable_incremental_sort', 'off', true)""")
"""Claims of an organization run one after the other. Without this lock, the second claimer would briefly lock the chunk
that the first has just claimed, and the first would then skip its own chunk until the claim expires.
The commit does not wait for the disk, because a lost count costs only one more attempt. The planner must walk the index
of waiting jobs in its order and stop at the first: with any other plan it reads all of them."""

_CLAIM = text("""
    WITH abandoned AS MATERIALIZED (
        SELECT FROM job_chunk
        WHERE org_id = :org AND state = 'pending' AND claimed_at IS NOT NULL AND claimed_at < :abandoned
        FOR UPDATE SKIP LOCKED
    ), in_progress AS MATERIALIZED (
        SELECT count(*) - (SELECT count(*) FROM abandoned) AS chunks FROM job_chunk
        WHERE org_id = :org AND state = 'pending' AND claimed_at IS NOT NULL
    ), next AS (
        SELECT chunk.job_id, chunk.n
        FROM (
            SELECT id FROM job
            WHERE org_id = :org AND state IN ('queued', 'running') AND (SELECT chunks FROM in_progress) < :window
            ORDER BY progressed_at, id
        ) AS waiting CROSS JOIN LATERAL (
            SELECT job_id, n FROM job_chunk
            WHERE org_id = :org AND job_id = waiting.id AND state = 'pending'
                AND coalesce(claimed_at < :abandoned, true) AND coalesce(next_attempt_at <= :now, true)
            ORDER BY n LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS chunk
        LIMIT 1
    ), begun AS (
        UPDATE job_chunk AS chunk SET attempts = chunk.attempts + 1, claimed_at = :now,
            next_attempt_at = CASE WHEN cardinality(chunk.recipients) = 1
                THEN :now + :pause * 2 ^ least(chunk.attempts, 10) END
        WHERE chunk.org_id = :org AND (chunk.job_id, chunk.n) = (SELECT job_id, n FROM next)
        RETURNING chunk.job_id, chunk.n, chunk.attempts, cardinality(chunk.recipients) = 1 AS alone
    ), turn AS (
        INSERT INTO job_turn (org_id, served_at) SELECT :org, :now FROM begun
        ON CONFLICT (org_id) DO UPDATE SET served_at = excluded.served_at
    )
    UPDATE job SET state = 'running', started_at = coalesce(job.started_at, :now), progressed_at = :now
    WHERE job.org_id = :org AND job.id = (SELECT job_id FROM begun)
        AND coalesce(job.state, '') IN ('queued', 'running')
    RETURNING job.id, (SELECT n FROM begun), (SELECT attempts FROM begun), (SELECT alone FROM begun),
        (SELECT chunks FROM in_progress) + 1 < :window AND EXISTS (
            SELECT FROM job AS other
            WHERE other.org_id = :org AND other.state IN ('queued', 'running') AND EXISTS (
                SELECT FROM job_chunk AS chunk
                WHERE chunk.org_id = :org AND chunk.job_id = other.id AND chunk.state = 'pending'
                    AND chunk.claimed_at IS NULL AND (chunk.job_id, chunk.n) <> (SELECT job_id, n FROM begun) OFFSET 0)
            ORDER BY other.progressed_at, other.id OFFSET 0) AS more""")
"""A chunk is in progress if its claim is young or its row is locked. So a dead worker's chunk takes up no place, and a
chunk that takes long still does. Rows are found by scalar subqueries and `OFFSET 0`, and the job by its primary key
(`coalesce` rules out the index of waiting jobs), so that no table is read as a whole. Before PostgreSQL has statistics
of new jobs, the update may still find its job by the index of undone jobs: 5 to 8 ms with 3,000 jobs.

The next attempt of a single recipient is due after a pause that doubles, which counts only if this attempt dies: what
kills workers may have nothing to do with the recipient, such as a restart or a lack of memory."""


def claim(db: Session, now: datetime, claim_seconds: float, window: int) -> Claim | None:
    """Claim the next chunk of the job that made progress least recently.

    Returns None if no chunk is due, or the organization has `window` chunks in progress. claim_seconds: the time that a
    worker has to lock the chunk. After it, whoever finds the chunk unlocked may claim it.
    """
    org_id, patience = current_org(db), timedelta(seconds=claim_seconds)
    db.execute(_LOCK_CLAIMS, {"org": org_id})
    key = {"org": org_id, "now": now, "abandoned": now - patience, "pause": patience, "window": window}
    row = db.execute(_CLAIM, key).one_or_none()
    return None if row is None else Claim(*row)


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


def release(db: Session, claimed: Claim, due_at: datetime | None = None, *, counted: bool = False) -> None:
    """Put back a chunk that failed because of the database, such as by a deadlock or a full disk.

    The attempt does not count, unless `counted`, and the claim ends: the chunk is due at `due_at`, None for at once.
    """
    attempts = JobChunk.attempts if counted else func.greatest(JobChunk.attempts - 1, 0)
    db.execute(
        update(JobChunk)
        .where(claimed.row(current_org(db)), JobChunk.state == ChunkState.PENDING)
        .values(attempts=attempts, claimed_at=None, next_attempt_at=due_at)
    )


def isolate(
    db: Session, claimed: Claim, now: datetime, code: OutcomeCode = OutcomeCode.PROCESSING_FAILED
) -> Job | None:
    """Split a chunk whose work failed. A chunk of one recipient is settled as failed instead, with this code.

    Returns the updated job if a recipient was settled, because the job may have ended; else None.
    """
    chunk = lock(db, claimed)
    if chunk is None:
        return None
    recipients = list(db.scalars(chunk.recipients))
    if chunk.size == 1:
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
