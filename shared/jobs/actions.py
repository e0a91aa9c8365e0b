"""Submitting, approving, rejecting and cancelling jobs, for requests. `work.py` has the workers' part."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import ARRAY, Integer, Select, Text, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.errors import Conflict
from shared.events import Actor, Fact
from shared.idempotency import IdempotencyKeyReused, Key
from shared.jobs.chunks import Tally
from shared.jobs.kinds import Kind
from shared.jobs.models import FINAL_STATES, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.outcomes import OutcomeCode
from shared.jobs.queries import get
from shared.jobs.requests import JobRequest
from shared.jobs.settling import cancel_unbegun, settle

SMALLEST_CHUNK, LARGEST_CHUNK = 250, 2500
"""Recipients of a chunk. Smaller ones cost overhead, larger ones lock the event counter too long (bench/RESULTS.md)."""


class JobFinished(Conflict):
    """A job that has ended cannot be cancelled."""

    slug, title = "job-finished", "Job finished"


class CannotUndo(Conflict):
    """The job has not ended, ended too long ago, or is of a kind that cannot be undone."""

    slug, title = "cannot-undo", "Cannot be undone"


class NothingToRetry(Conflict):
    """Only the failed recipients of a job that has ended can be retried."""

    slug, title = "nothing-to-retry", "Nothing to retry"


UNDO_WITHIN = timedelta(days=14)


@dataclass(frozen=True)
class Submission:
    """A job to submit, without its recipients.

    request: the input of the kind's work, fixed now. scope: the caller's folders, None for all. key, body: the
    `Idempotency-Key`, if one was sent, and the body of the request. change_limit: the number of recipients above which
    the job waits for the approval of another member, None for no limit.
    """

    kind: Kind[Any]
    request: JobRequest
    actor: Actor
    scope: frozenset[str] | None = None
    key: Key | None = None
    body: BaseModel | None = None
    retry_of: uuid.UUID | None = None
    undo_of: uuid.UUID | None = None
    change_limit: int | None = None


class Accepted(NamedTuple):
    """An accepted job. replayed: True if an earlier request has submitted it already."""

    job: Job
    replayed: bool


def replayed(db: Session, key: Key | None, body: BaseModel | None) -> Accepted | None:
    """Return the job submitted with this key, if any. Raises IdempotencyKeyReused for another body or address."""
    if key is None:
        return None
    if key.made is not None:
        return Accepted(get(db, uuid.UUID(key.made.rpartition("/")[2])), replayed=True)
    job = db.scalar(select(Job).where(Job.org_id == current_org(db), Job.idempotency_key == key.value))
    if job is None:
        return None
    if job.request_hash != key.hash_of(body):
        raise IdempotencyKeyReused
    return Accepted(job, replayed=True)


def submit(db: Session, submission: Submission, recipients: Select[Any], *, workers: int, now: datetime) -> Accepted:
    """Insert a job and its chunks, in a fixed number of statements.

    recipients: selects one column of distinct ids. workers: the number of processes that will share the work, for the
    size of chunks. A job without recipients succeeds at once; the caller refuses it if it must have some.
    """
    job = _insert(db, submission, now)
    if job is None:  # a concurrent request inserted the same job after our lookup
        if earlier := replayed(db, submission.key, submission.body):
            return earlier
        twin = undo_of(db, submission.undo_of)
        assert twin is not None
        return Accepted(twin, replayed=True)
    largest = submission.kind.largest_chunk or LARGEST_CHUNK
    total = sum(db.scalars(_chunks(job.org_id, job.id, recipients, workers, largest)))
    state: dict[str, Any] = {} if total else {"state": JobState.SUCCEEDED, "finished_at": now}
    if submission.change_limit is not None and total > submission.change_limit:
        state = {"state": JobState.AWAITING_APPROVAL}
    job = db.scalars(
        update(Job)
        .where(Job.org_id == job.org_id, Job.id == job.id)
        .values(total=total, **state)
        .returning(Job)
        .execution_options(populate_existing=True)
    ).one()
    data = {"kind": job.kind, "state": job.state, "total": total, "request": job.request}
    events.record(db, submission.actor, now, Fact("job.submitted", f"job/{job.id}", data))
    return Accepted(job, replayed=False)


def _insert(db: Session, submission: Submission, now: datetime) -> Job | None:
    """Insert the job's row, and return it. None if the job exists: same key, or another undo of the same job."""
    key = submission.key
    return db.scalar(
        upsert(Job)
        .values(
            org_id=current_org(db),
            kind=submission.kind.name,
            state=JobState.QUEUED,
            request=submission.request.dump(),
            scope=None if submission.scope is None else sorted(submission.scope),
            submitted_by_type=submission.actor.type,
            submitted_by_id=submission.actor.id,
            submitted_at=now,
            progressed_at=now,
            retry_of=submission.retry_of,
            undo_of=submission.undo_of,
            idempotency_key=None if key is None else key.value,
            request_hash=None if key is None else key.hash_of(submission.body),
        )
        .on_conflict_do_nothing()
        .returning(Job)
    )


def _chunks(org_id: str, job_id: uuid.UUID, recipients: Select[Any], workers: int, largest: int) -> Any:
    """The statement that slices recipients into chunks, sorted by id in byte order, and returns the size of each chunk.

    Sorted, so that two jobs over the same parties lock them in the same order, and a chunk is one range of an index.
    """
    each = recipients.subquery()
    (entity_id,) = each.c
    total = cast(func.count().over(), Integer)
    each_worker = func.greatest(SMALLEST_CHUNK, (total + workers - 1) // workers, type_=Integer)
    size = func.least(largest, each_worker, type_=Integer)
    place = cast(func.row_number().over(order_by=entity_id), Integer) - 1
    numbered = select(entity_id.label("entity_id"), (place // size).label("n")).subquery()
    members = cast(
        func.array_agg(aggregate_order_by(numbered.c.entity_id, numbered.c.entity_id)), ARRAY(Text(collation="C"))
    )
    sliced = select(literal(org_id), literal(job_id), numbered.c.n, members).group_by(numbered.c.n)
    return (
        insert(JobChunk)
        .from_select([JobChunk.org_id, JobChunk.job_id, JobChunk.n, JobChunk.recipients], sliced)
        .returning(func.cardinality(JobChunk.recipients))
    )


def cancel(db: Session, job_id: uuid.UUID, actor: Actor, now: datetime) -> Job:
    """Cancel the chunks that no worker has locked. The job is `cancelled` once the others are done.

    Raises NotFound, JobFinished.
    """
    if get(db, job_id).has_ended:
        raise JobFinished("The job has ended; there is nothing left to cancel.")
    count = cancel_unbegun(db, job_id)
    events.record(db, actor, now, Fact("job.cancel_requested", f"job/{job_id}"))
    changed = db.scalar(
        update(Job)
        .where(Job.org_id == current_org(db), Job.id == job_id, Job.state.not_in(FINAL_STATES))
        .values(state=JobState.CANCELLING)
        .returning(Job.id)
    )
    if changed is None:
        raise JobFinished("The job ended in the meantime; there is nothing left to cancel.")
    settle(db, job_id, Tally(cancelled=count), now)
    return get(db, job_id, fresh=True)


def undo_of(db: Session, job_id: uuid.UUID | None) -> Job | None:
    """Return the job that undoes this one, if there is one. An undo that ended and did nothing is none."""
    if job_id is None:
        return None
    did_something = Job.finished_at.is_(None) | (Job.succeeded > 0) | (Job.total == 0)
    return db.scalar(select(Job).where(Job.org_id == current_org(db), Job.undo_of == job_id, did_something))


def need_undoable(job: Job, now: datetime) -> None:
    """Raise CannotUndo for a job that has not ended, or ended more than `UNDO_WITHIN` ago."""
    if job.finished_at is None:
        raise CannotUndo("The job has not ended; cancel it, then undo what it did.")
    if now - job.finished_at > UNDO_WITHIN:
        raise CannotUndo(f"The job ended more than {UNDO_WITHIN.days} days ago; correct what it did by hand.")


def failed_recipients(job: Job, code: OutcomeCode | None = None) -> Select[str]:
    """Select the failed recipients of a job. Raises NothingToRetry if it has none or has not ended.

    code: only those that failed with it; the selection may be empty.
    """
    if not job.has_ended or job.failed == 0:
        raise NothingToRetry("Only the failed recipients of a job that has ended can be retried; this has none.")
    failed = select(JobOutcome.entity_id).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.outcome == Outcome.FAILED
    )
    return failed if code is None else failed.where(JobOutcome.code == code)
