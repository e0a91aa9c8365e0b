"""Jobs of every kind: list, get and wait, results, cancel, retry, approve, reject, undo.

The declaration of a job's kind decides which records its results name, what happens at its end, and how it is undone.
"""

import time
import uuid
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

import anyio
from anyio.to_thread import run_sync
from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import assignments, jobs
from shared.access import Caller, Permission
from shared.assignments import UndoJob
from shared.database import Database
from shared.jobs import KINDS, Accepted, Chunk, Job, JobState, Kind, Outcome, Tally, declare
from shared.services.submitting import submit
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.ASSIGN, Permission.COMPLETE, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)
"""A caller who may start a job or see its effects may read it."""

ACTS = (Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)

POLL_SECONDS = 0.2
STREAM_SECONDS = 3600


def _undo(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Undo one chunk of a job, as the kind of that job declares."""
    undo = KINDS[request.undo_kind].undo
    assert undo is not None
    return undo.work(db, chunk, request, now)


def _undone(db: Session, job: Job, request: UndoJob, now: datetime) -> None:
    """Do what the kind of the undone job declares for the end of its undo."""
    undo = KINDS[request.undo_kind].undo
    if undo is not None and undo.on_end is not None:
        undo.on_end(db, job, jobs.get(db, request.undo_of), now)


UNDO = {
    "assignment": declare(Kind(name="assignments.undo", request=UndoJob, work=_undo, on_end=_undone)),
    "party": declare(Kind(name="sessions.undo", request=UndoJob, work=_undo, on_end=_undone, record="licence")),
}
"""The kinds of undoing jobs, by the noun of their recipients."""


class Results(NamedTuple):
    """The results of a job. rows: `entity_id, outcome, code, record_id`. record: the noun of the records."""

    rows: Select[*tuple[Any, ...]]
    record: Literal["assignment", "licence"]


@verb(*SEES)
def list_jobs(db: Session, _: Caller, state: JobState | None, kind: str | None) -> Select[Job]:
    """Select jobs, the newest first."""
    return jobs.list_jobs(db, state=state, kind=kind)


@verb(*SEES)
async def wait_for_job(database: Database, caller: Caller, job_id: uuid.UUID, seconds: float) -> Job:
    """Return one job, as soon as it has ended or after so many seconds. Raises NotFound.

    Each read is a transaction of its own, so a waiting caller holds no connection between two reads.
    """
    deadline = time.monotonic() + seconds
    job = await _read_job(database, caller, job_id)
    while not job.has_ended and (left := deadline - time.monotonic()) > 0:
        await anyio.sleep(min(POLL_SECONDS, left))
        job = await _read_job(database, caller, job_id)
    return job


@verb(*SEES)
async def follow_job(database: Database, caller: Caller, job: Job) -> AsyncIterator[Job]:
    """Yield the job, read again every `POLL_SECONDS`, until it has ended or `STREAM_SECONDS` have passed."""
    deadline = time.monotonic() + STREAM_SECONDS
    yield job
    while not job.has_ended and time.monotonic() < deadline:
        await anyio.sleep(POLL_SECONDS)
        job = await _read_job(database, caller, job.id)
        yield job


async def _read_job(database: Database, caller: Caller, job_id: uuid.UUID) -> Job:
    def read() -> Job:
        with database.transaction(caller.org_id) as db:
            return jobs.get(db, job_id)

    return await run_sync(read)


@verb(*SEES)
def list_results(db: Session, _: Caller, job_id: uuid.UUID, outcome: Outcome | None) -> Results:
    """Select every recipient of the job with its outcome, by id. Raises NotFound."""
    job = jobs.get(db, job_id)
    kind = jobs.kind_of(job)
    rows = jobs.list_results(job, kind.made(job) if kind.made else None, outcome=outcome)
    if kind.request_of(job).recipients_are == "assignment":
        rows = assignments.results_by_party(rows)
    return Results(rows, kind.record)


@verb(*ACTS)
def cancel_job(db: Session, caller: Caller, job_id: uuid.UUID, now: datetime) -> Job:
    """Cancel the chunks of a job that no worker has begun. Raises NotFound, JobFinished."""
    job = jobs.cancel(db, job_id, caller.actor, now)
    jobs.call_on_end(db, job, now)
    return job


@verb(*ACTS)
def retry_job(db: Session, caller: Caller, job_id: uuid.UUID, *, workers: int, now: datetime) -> Accepted:
    """Submit a job of only the failed recipients, with the same request.

    Raises NotFound, NothingToRetry, and the problem that submitting that request would raise now.
    """
    job = jobs.get(db, job_id)
    kind, failed = jobs.kind_of(job), jobs.failed_recipients(job)
    kind.need_acceptable(db, job, now)
    return submit(db, caller, kind, kind.request_of(job), failed, retry_of=job.id, workers=workers, now=now)


@verb(Permission.MANAGE_ASSIGNMENTS)
def approve_job(database: Database, caller: Caller, job_id: uuid.UUID, now: datetime) -> Accepted:
    """Approve a job that waits for a second member. Raises NotFound, NotAwaitingApproval, OtherMemberNeeded.

    Asks again what submission asked, and raises its problem: the job then still waits, and its `error` has the reason.
    So this verb opens its own transactions: the one of a refused approval is rolled back, and a second writes why.
    """
    try:
        with database.transaction(caller.org_id) as db:
            return Accepted(jobs.approve(db, job_id, caller.actor, now, _need_acceptable), replayed=False)
    except jobs.Refused as refused:
        with database.transaction(caller.org_id) as db:
            jobs.note_refusal(db, job_id, refused.problem)
        raise refused.problem from None


def _need_acceptable(db: Session, job: Job, now: datetime) -> None:
    jobs.kind_of(job).need_acceptable(db, job, now)


@verb(Permission.MANAGE_ASSIGNMENTS)
def reject_job(db: Session, caller: Caller, job_id: uuid.UUID, reason: str, now: datetime) -> Job:
    """Reject a job that waits for approval: all its recipients are cancelled. Raises NotFound, NotAwaitingApproval."""
    job = jobs.reject(db, job_id, reason, caller.actor, now)
    jobs.call_on_end(db, job, now)
    return job


@verb(Permission.MANAGE_ASSIGNMENTS)
def undo_job(db: Session, caller: Caller, job_id: uuid.UUID, *, workers: int, now: datetime) -> Accepted:
    """Submit a job that undoes this one, except for what was changed since. Repeated: the same job.

    Asks nothing of what a submission asks, because it only puts back what was. A job can be undone for 14
    days after its end. Raises NotFound, CannotUndo.
    """
    job = jobs.get(db, job_id)
    if earlier := jobs.undo_of(db, job.id):
        return Accepted(earlier, replayed=True)
    undo = jobs.kind_of(job).undo
    if undo is None:
        raise jobs.CannotUndo("Jobs of this kind cannot be undone.")
    jobs.need_undoable(job, now)
    if undo.by == "party":
        caller.need(Permission.ADMIN)  # it revokes licences, as an amendment of the session does
    if undo.begin is not None:
        undo.begin(db, job, now)
    request = UndoJob(undo_of=job.id, undo_kind=job.kind, by=undo.by)
    kind, recipients = UNDO[undo.by], undo.recipients(job)
    scoped = undo.by == "assignment"
    accepted = submit(db, caller, kind, request, recipients, undo_of=job.id, scoped=scoped, workers=workers, now=now)
    if not accepted.replayed:
        jobs.call_on_end(db, accepted.job, now)
    return accepted
