"""Submitting, approving and cancelling jobs, as callers of the API do. `work.py` beside it is the workers' side."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel
from sqlalchemy import ARRAY, Integer, Select, Text, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.errors import Conflict, NotFound, Problem
from shared.events import Actor, Fact
from shared.jobs.chunks import Tally
from shared.jobs.kinds import Kind
from shared.jobs.models import FINAL_STATES, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.queries import get
from shared.jobs.requests import JobRequest
from shared.jobs.settling import cancel_unbegun, settle

SMALLEST_CHUNK, LARGEST_CHUNK = 250, 2500
"""Below, overheads show; above, a chunk holds the organization's event counter for too long (bench/RESULTS.md)."""


class IdempotencyKeyReused(Problem):
    """The same key came with another body: one of the two requests is a mistake."""

    slug, status, title = "idempotency-key-reused", 422, "Idempotency-Key reused"


class JobFinished(Conflict):
    """A job that has ended cannot be cancelled."""

    slug, title = "job-finished", "Job finished"


class NotAwaitingApproval(Conflict):
    """Only a job that waits for approval can be approved or rejected."""

    slug, title = "not-awaiting-approval", "Not awaiting approval"

    def __init__(self) -> None:
        super().__init__("The job does not wait for approval.")


class OtherMemberNeeded(Problem):
    """Two members must agree to a large change: whoever submitted it cannot approve it too."""

    slug, status, title = "other-member-needed", 403, "Another member must approve"

    def __init__(self) -> None:
        super().__init__("You submitted this job, so another member with training.manage_assignments must approve it.")


class CannotUndo(Conflict):
    """This job has not ended, ended too long ago, or did nothing that can be taken back."""

    slug, title = "cannot-undo", "Cannot be undone"


class NothingToRetry(Conflict):
    """Only the failed recipients of a job that has ended can be retried."""

    slug, title = "nothing-to-retry", "Nothing to retry"


UNDO_WITHIN = timedelta(days=14)


@dataclass(frozen=True)
class Key:
    """An `Idempotency-Key` and the address that it was sent to."""

    value: str
    address: str

    def hash_of(self, body: BaseModel | None) -> str:
        """The hash that tells a repeated request from a reused key, whatever the order of fields.

        body: None where the address says it all.
        """
        sent = None if body is None else body.model_dump(mode="json")
        text = self.address.encode() + b"\n" + orjson.dumps(sent, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True)
class Submission:
    """Everything about a job but its recipients.

    request: what the kind's work needs, fixed now. scope: the caller's folders, None for all. key, body: the
    `Idempotency-Key`, if one was sent, and the body that came with it. change_limit: the number of recipients above
    which the job waits for the approval of another member, None for no limit.
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
    """A job, and whether the request that asked for it was a repetition."""

    job: Job
    replayed: bool


def replayed(db: Session, key: Key | None, body: BaseModel | None) -> Accepted | None:
    """The job that this key has made before, if any. Raises IdempotencyKeyReused where another body made it."""
    if key is None:
        return None
    job = db.scalar(select(Job).where(Job.org_id == current_org(db), Job.idempotency_key == key.value))
    if job is None:
        return None
    if job.request_hash != key.hash_of(body):
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request; choose a new key for a new one.")
    return Accepted(job, replayed=True)


def submit(db: Session, submission: Submission, recipients: Select[Any], *, workers: int, now: datetime) -> Accepted:
    """Insert a job with its recipients, in a handful of rows.

    recipients: selects one column of distinct ids. workers: the number of processes that will share the work, for the
    size of chunks. The caller checks that there is at least one recipient: a job without any has ended at once.
    """
    job = _insert(db, submission, now)
    if job is None:  # the same request won the race between looking and inserting
        if earlier := replayed(db, submission.key, submission.body):
            return earlier
        twin = undo_of(db, submission.undo_of)
        assert twin is not None
        return Accepted(twin, replayed=True)
    total = sum(db.scalars(_chunks(job.org_id, job.id, recipients, workers)))
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
    """The job's row. None where a unique constraint says that the job is there already."""
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


def _chunks(org_id: str, job_id: uuid.UUID, recipients: Select[Any], workers: int) -> Any:
    """The statement that slices recipients into chunks, in byte order of their ids, and answers the size of each.

    Sorted, so that two jobs over the same parties lock them in the same order, and a chunk is one index range.
    """
    each = recipients.subquery()
    (entity_id,) = each.c
    total = cast(func.count().over(), Integer)
    each_worker = func.greatest(SMALLEST_CHUNK, (total + workers - 1) // workers, type_=Integer)
    size = func.least(LARGEST_CHUNK, each_worker, type_=Integer)
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
    """Cancel what nobody has begun. What is being worked on ends first; then the job is `cancelled`.

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
        raise JobFinished("The job ended while you asked; there is nothing left to cancel.")
    settle(db, job_id, Tally(cancelled=count), now)
    return get(db, job_id, fresh=True)


def approve(db: Session, job_id: uuid.UUID, actor: Actor, now: datetime) -> Job:
    """Let a job run that waits. Raises NotFound, NotAwaitingApproval, OtherMemberNeeded."""
    job = _awaiting(db, job_id)
    if job.actor == actor:
        raise OtherMemberNeeded
    events.record(db, actor, now, Fact("job.approved", f"job/{job_id}"))
    job.state, job.progressed_at = JobState.QUEUED, now
    job.approved_by, job.approved_at = actor.id, now
    db.flush()
    return job


def reject(db: Session, job_id: uuid.UUID, reason: str, actor: Actor, now: datetime) -> Job:
    """End a job that waits: all of it is cancelled. Raises NotFound, NotAwaitingApproval."""
    job = _awaiting(db, job_id)
    events.record(db, actor, now, Fact("job.rejected", f"job/{job_id}", {"reason": reason}))
    job.error = f"Rejected: {reason}"
    db.flush()
    settle(db, job_id, Tally(cancelled=cancel_unbegun(db, job_id)), now)
    return get(db, job_id, fresh=True)


def _awaiting(db: Session, job_id: uuid.UUID) -> Job:
    """The job, if it waits for approval. Its counter is held first: that is the order of locks."""
    events.lock_counter(db)
    job = db.scalar(
        select(Job)
        .where(Job.org_id == current_org(db), Job.id == job_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if job is None:
        raise NotFound("job")
    if job.state != JobState.AWAITING_APPROVAL:
        raise NotAwaitingApproval
    return job


def undo_of(db: Session, job_id: uuid.UUID | None) -> Job | None:
    """The job that takes this one back, if there is one."""
    return db.scalar(select(Job).where(Job.org_id == current_org(db), Job.undo_of == job_id)) if job_id else None


def need_undoable(job: Job, now: datetime) -> None:
    """Raise CannotUndo for a job that has not ended, or ended too long ago."""
    if job.finished_at is None:
        raise CannotUndo("The job has not ended; cancel it instead, and undo what it had done.")
    if now - job.finished_at > UNDO_WITHIN:
        raise CannotUndo(
            f"The job ended more than {UNDO_WITHIN.days} days ago; close or reopen its assignments instead."
        )


def failed_recipients(job: Job) -> Select[str]:
    """The recipients of a job that failed. Raises NothingToRetry where there are none, or the job has not ended."""
    if not job.has_ended or job.failed == 0:
        raise NothingToRetry("Only the failed recipients of a job that has ended can be retried; this has none.")
    return select(JobOutcome.entity_id).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.outcome == Outcome.FAILED
    )
