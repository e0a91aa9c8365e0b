"""Jobs of every kind: list, get and wait, results, cancel, retry, approve, reject, undo.

The declaration of a job's kind decides which records its results name, what happens at its end, and how it is undone.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, directory, jobs, licences
from shared.access import Caller, FeatureNotAvailable, Permission
from shared.assignments import BulkPreview, UndoJob
from shared.database import Database
from shared.errors import Problem
from shared.jobs import Accepted, Job, JobAnswer, JobState, Key, Outcome, OutcomeCode, Seen, Undo
from shared.services.deciders import need_all_folders, need_decider, need_readable, needed_to_undo, of_directory
from shared.services.sights import answer_of, get_seen, job_of, need_seen, need_whole, sight_of
from shared.services.submitting import submit
from shared.services.undoing import UNDO
from shared.services.verbs import verb
from shared.watching import Subject, Watch, first

ACTS = (
    Permission.ASSIGN,
    Permission.COMPLETE,
    Permission.MANAGE_ASSIGNMENTS,
    Permission.ADMIN,
    Permission.SYNC_DIRECTORY,
)
"""A caller who may submit a job of some kind. What the job's kind needs is checked with the job at hand."""

SEES = (Permission.VIEW, *ACTS)
"""A caller who may start a job or see its effects may read it; see `deciders.need_readable`."""
DECIDES = (Permission.MANAGE_ASSIGNMENTS, Permission.SYNC_DIRECTORY)
"""A caller who may approve, reject or undo jobs of some kind; see `need_decider`."""

BY_PARTY: dict[str, Any] = {"assignment": assignments.results_by_party, "licence": licences.results_by_party}
"""For each noun of recipients that stand for their parties: replaces them in results."""

STREAM_SECONDS = 3600


class Results(NamedTuple):
    """The results of a job. rows: `entity_id, outcome, code, record_id`. record: the noun of the records."""

    rows: Select[*tuple[Any, ...]]
    record: Literal["assignment", "licence"]


@verb(*SEES)
def list_jobs(db: Session, caller: Caller, state: JobState | None, kind: str | None) -> Select[*tuple[Any, ...]]:
    """Select the jobs that the caller sees, the newest first: rows for `show_job`."""
    rows, sight = jobs.list_jobs(db, state=state, kind=kind), sight_of(caller)
    if not caller.may(*SEES[:-1]):  # may only synchronise the directory
        rows = rows.where(Job.kind.in_([name for name, one in jobs.KINDS.items() if of_directory(one)]))
    return rows if sight is None else jobs.list_seen(rows, sight)


class Waiting(NamedTuple):
    """The parts that a verb that waits needs instead of a transaction."""

    database: Database
    watch: Watch
    features: frozenset[str]


@verb(*SEES)
async def wait_for_job(waiting: Waiting, caller: Caller, job_id: uuid.UUID, seconds: float) -> Job | Seen:
    """Return one job for `show_job`, as soon as it has ended or after so many seconds.

    Raises NotFound, FeatureNotAvailable.
    """
    return await first(_follow(waiting, caller, job_id, seconds), lambda job: job_of(job).has_ended)


@verb(*SEES)
async def follow_job(waiting: Waiting, caller: Caller, job: Job | Seen, now: datetime) -> AsyncIterator[Job | Seen]:
    """Yield the job, read again after each change, until it has ended.

    It ends earlier when the caller's token expires, when the caller may no longer see the job, or after
    `STREAM_SECONDS`.
    """
    longest = timedelta(seconds=STREAM_SECONDS)
    left = longest if caller.expires_at is None else min(longest, caller.expires_at - now)
    yield job
    if job_of(job).has_ended:
        return
    try:
        async with aclosing(_follow(waiting, caller, job_of(job).id, left.total_seconds())) as found:  # type: ignore[type-var]
            async for job in found:
                yield job
                if job_of(job).has_ended:
                    return
    except Problem:  # its answer has begun, so that a problem can only end it
        return


def _follow(waiting: Waiting, caller: Caller, job_id: uuid.UUID, seconds: float) -> AsyncIterator[Job | Seen]:
    """Yield the job now and after each change. Only requests of equal callers share a reading."""

    def read() -> Job | Seen:
        with waiting.database.transaction(caller.org_id) as db:
            reason = access.unavailability(access.get_organization(db), waiting.features)
            if reason:
                raise FeatureNotAvailable(reason)
            return _read_job(db, caller, job_id)

    return waiting.watch.follow(Subject(caller.org_id, job_id), caller, read, seconds)


def _read_job(db: Session, caller: Caller, job_id: uuid.UUID) -> Job | Seen:
    """Return the job with what the caller sees of it. Raises NotFound."""
    seen = get_seen(db, sight_of(caller), job_id)
    need_readable(caller, job_of(seen))
    return seen


@verb(*SEES)
def list_results(db: Session, caller: Caller, job_id: uuid.UUID, outcome: Outcome | None) -> Results:
    """Select every recipient of the job that the caller sees, with its outcome, by id. Raises NotFound."""
    job = need_seen(db, sight_of(caller), job_id)
    need_readable(caller, job)
    kind = jobs.kind_of(job)
    rows = jobs.list_results(job, kind.made(job) if kind.made else None, outcome=outcome)
    if by_party := BY_PARTY.get(kind.request_of(job).recipients_are):
        rows = by_party(rows, caller.folders)
    if (sight := sight_of(caller)) is not None:
        rows = jobs.seen_results(rows, job, sight)
    elif job.failed:
        rows = jobs.explained_results(rows, directory.present_id)
    return Results(rows, kind.record)


@verb(*ACTS)
def cancel_job(db: Session, caller: Caller, job_id: uuid.UUID, now: datetime) -> Job:
    """Cancel the chunks of a job that no worker has begun. Raises NotFound, OutOfScope, JobFinished.

    Needs the permission that submitting the job needed, `training.manage_assignments` or `training.admin`.
    """
    kind = jobs.kind_of(need_whole(db, sight_of(caller), job_id))
    caller.need(kind.needs, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)
    need_all_folders(caller, kind)
    job = jobs.cancel(db, job_id, caller.actor, now)
    jobs.call_on_end(db, job, now)
    return job


@verb(*ACTS)
def retry_job(
    db: Session,
    caller: Caller,
    job_id: uuid.UUID,
    *,
    workers: int,
    now: datetime,
    key: Key | None = None,
    code: OutcomeCode | None = None,
) -> Accepted:
    """Submit a job of only the failed recipients, with the same request. Needs the permission of submitting the job.

    code: only those that failed with it.
    Raises NotFound, OutOfScope, NothingToRetry, and the problem that submitting that request would raise now.
    """
    job = need_whole(db, sight_of(caller), job_id)
    kind = jobs.kind_of(job)
    if code is OutcomeCode.PARTY_RENUMBERED:
        code = OutcomeCode.PARTY_NOT_FOUND  # as which it is stored: see `jobs.explained_results`
    caller.need(kind.needs)
    need_all_folders(caller, kind)
    if earlier := jobs.replayed(db, key, None):
        return earlier
    failed = jobs.failed_recipients(job, code)
    kind.need_acceptable(db, job, now)
    request = kind.request_of(job)
    accepted = submit(db, caller, kind, request, failed, key=key, retry_of=job.id, workers=workers, now=now)
    if not accepted.job.total:
        raise jobs.NothingToRetry("No recipient of this job failed with that code.")
    return accepted


@verb(*DECIDES)
def approve_job(database: Database, caller: Caller, job_id: uuid.UUID, now: datetime) -> Accepted:
    """Approve a job that waits for a second member. Needs the permission that submitting it needed, too.

    Asks again what submission asked, and raises its problem: the job then still waits, and its `error` has the reason.
    So this verb opens its own transactions: the one of a refused approval is rolled back, and a second writes why.
    Raises NotFound, OutOfScope, PermissionDenied, NotAwaitingApproval, OtherMemberNeeded.
    """
    try:
        with database.transaction(caller.org_id) as db:
            kind = jobs.kind_of(need_whole(db, sight_of(caller), job_id))
            need_decider(caller, kind)
            caller.need(kind.needs)
            return Accepted(jobs.approve(db, job_id, caller.actor, now, _need_acceptable), replayed=False)
    except jobs.Refused as refused:
        with database.transaction(caller.org_id) as db:
            jobs.note_refusal(db, job_id, refused.problem)
        raise refused.problem from None


def _need_acceptable(db: Session, job: Job, now: datetime) -> None:
    jobs.kind_of(job).need_acceptable(db, job, now)


@verb(*DECIDES)
def reject_job(db: Session, caller: Caller, job_id: uuid.UUID, reason: str, now: datetime) -> Job:
    """Reject a job that waits for approval: all its recipients are cancelled.

    Raises NotFound, OutOfScope, NotAwaitingApproval.
    """
    need_decider(caller, jobs.kind_of(need_whole(db, sight_of(caller), job_id)))
    job = jobs.reject(db, job_id, reason, caller.actor, now)
    jobs.call_on_end(db, job, now)
    return job


@verb(Permission.ADMIN, *DECIDES)
def undo_job(
    db: Session, caller: Caller, job_id: uuid.UUID, *, workers: int, now: datetime, key: Key | None = None
) -> Accepted:
    """Submit a job that undoes this one, except for what was changed since. Repeated: the same job.

    Asks nothing of what a submission asks, because it only puts back what was. A job can be undone for 14 days after
    its end. Raises NotFound, OutOfScope, PermissionDenied, CannotUndo.
    """
    job = _job_to_undo(db, caller, job_id)
    if earlier := jobs.replayed(db, key, None):
        return earlier
    if twin := jobs.undo_of(db, job.id):
        return Accepted(twin, replayed=True)
    undo = _undo_of(job, now)
    if undo.begin is not None:
        undo.begin(db, job, now)
    request = UndoJob(undo_of=job.id, undo_kind=job.kind, by=undo.by)
    kind, recipients = UNDO[undo.noun or undo.by], undo.recipients(job)
    of: dict[str, Any] = {"undo_of": job.id, "scoped": undo.by in BY_PARTY, "workers": workers}
    accepted = submit(db, caller, kind, request, recipients, key=key, **of, now=now)
    if not accepted.replayed:
        jobs.call_on_end(db, accepted.job, now)
    return accepted


@verb(Permission.ADMIN, *DECIDES)
def preview_undo(db: Session, caller: Caller, job_id: uuid.UUID, now: datetime) -> BulkPreview:
    """Return what an undo of the job would do to each recipient now. Writes and locks nothing.

    Raises NotFound, OutOfScope, PermissionDenied, CannotUndo, the last one also for a job that was undone already.
    """
    job = _job_to_undo(db, caller, job_id)
    if jobs.undo_of(db, job.id) is not None:
        raise jobs.CannotUndo("The job was undone already.")
    return BulkPreview.of(_undo_of(job, now).foresee(db, job))


@verb(Permission.ADMIN, *DECIDES)
def revokes_by_undo(db: Session, caller: Caller, job_id: uuid.UUID) -> bool:
    """True if the undo of a job revokes licences of many at once: of a session, of an import. Raises NotFound."""
    undo = jobs.kind_of(need_seen(db, sight_of(caller), job_id)).undo
    return undo is not None and undo.by not in BY_PARTY


def _job_to_undo(db: Session, caller: Caller, job_id: uuid.UUID) -> Job:
    job = need_whole(db, sight_of(caller), job_id)
    caller.need(needed_to_undo(job))
    need_all_folders(caller, jobs.kind_of(job))
    return job


def _undo_of(job: Job, now: datetime) -> Undo:
    """Return the declared undo of a job that can be undone now. Raises CannotUndo."""
    undo = jobs.kind_of(job).undo
    if undo is None:
        raise jobs.CannotUndo("Jobs of this kind cannot be undone.")
    jobs.need_undoable(job, now)
    return undo


@verb()
def show_job(db: Session, caller: Caller, job: Job) -> JobAnswer:
    """Return the answer for a job that a verb has returned to the caller, with what the caller sees of it.

    Also of a job that the caller does not see: a repeated `Idempotency-Key` returns the job of whoever sent it first.
    """
    sight = sight_of(caller)
    if sight is None:
        return answer_of(caller, job)
    return answer_of(caller, jobs.get_seen(db, job.id, sight, hidden=True))
