"""Jobs at the front desk: their state, what became of each recipient, cancel and retry."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request, status
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import Select
from sqlalchemy.orm import Session

from api.accepting import Accepting
from api.dependencies import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CurrentOrganization,
    CurrentService,
    Cursor,
    Db,
    Limit,
    Now,
    allow,
)
from api.exports import csv_of, wants_csv
from api.routing import Router
from shared import assignments, jobs, licences, sessions
from shared.access import Permission
from shared.assignments import ReasonRequest
from shared.jobs import Job, JobAnswer, JobState, Outcome, ResultAnswer
from shared.pagination import page
from shared.wire import Listing

router = Router("/v1/jobs", "jobs")

SEES = (Permission.VIEW, Permission.ASSIGN, Permission.COMPLETE, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)
"""Whoever may start a job or see its effects may read it."""

ACTS = (Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)

POLL_SECONDS = 0.2
STREAM_SECONDS = 3600

MADE: dict[str, Callable[[Job], Select[str, str, uuid.UUID]]] = {
    "assignments.create": assignments.made_by,
    "sessions.complete": licences.made_by,
    "sessions.amend": licences.made_by,
}
"""Which noun knows the records of a kind of job that makes some."""

ENDED: dict[str, Callable[[Session, Job, datetime], None]] = {"sessions.complete": sessions.completion_ended}
"""Which noun wants to know, in the same transaction, that a job of a kind has ended: here, where nobody began it."""

JobsListing = Listing[JobAnswer]
ResultsListing = Listing[ResultAnswer]


@router.get("", dependencies=[allow(*SEES)])
def list_jobs(
    db: Db,
    state: Annotated[JobState | None, Query()] = None,
    kind: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,64}$")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> JobsListing:
    """Jobs, the newest first."""
    found = page(db, jobs.newest(db, state=state, kind=kind), limit=limit, cursor=cursor)
    return JobsListing(items=[JobAnswer.of(job) for job in found.items], next_cursor=found.next_cursor)


async def _current(job_id: uuid.UUID, caller: CurrentCaller, service: CurrentService) -> JobAnswer:
    """The job as it is, read in a transaction of its own: whoever waits holds no connection between two looks."""

    def read() -> JobAnswer:
        with service.database.transaction(caller.org_id) as db:
            return JobAnswer.of(jobs.get(db, job_id))

    return await run_sync(read)


CurrentJob = Annotated[JobAnswer, Depends(_current)]


@router.get("/{job_id}", dependencies=[allow(*SEES)])
async def read_job(
    job: CurrentJob,
    caller: CurrentCaller,
    service: CurrentService,
    wait: Annotated[float, Query(ge=0, le=20, description="Seconds to hold the answer until the job ends.")] = 0,
) -> JobAnswer:
    """One job. With `wait`, as soon as it has ended, or after that many seconds as it then is."""
    deadline = time.monotonic() + wait
    while not job.state.final and (left := deadline - time.monotonic()) > 0:
        await anyio.sleep(min(POLL_SECONDS, left))
        job = await _current(job.id, caller, service)
    return job


@router.get("/{job_id}/stream", dependencies=[allow(*SEES)], response_class=EventSourceResponse)
async def stream_job(job: CurrentJob, caller: CurrentCaller, service: CurrentService) -> AsyncIterator[ServerSentEvent]:
    """The job each time its counts change, as server-sent events named `job`, until it has ended."""
    deadline = time.monotonic() + STREAM_SECONDS
    yield ServerSentEvent(event="job", data=job)
    while not job.state.final and time.monotonic() < deadline:
        await anyio.sleep(POLL_SECONDS)
        told, job = job, await _current(job.id, caller, service)
        if job != told:
            yield ServerSentEvent(event="job", data=job)


@router.get("/{job_id}/results", dependencies=[allow(*SEES)])
def read_results(
    job_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    service: CurrentService,
    request: Request,
    outcome: Annotated[Outcome | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """Every recipient of the job with its outcome, by id. `Accept: text/csv` streams all of them."""
    job = jobs.get(db, job_id)
    rows = jobs.results(job, MADE[job.kind](job) if job.kind in MADE else None, outcome=outcome)
    if job.request.get("by") == assignments.BY_ASSIGNMENT:
        rows = assignments.by_party(rows)
    as_answer = partial(ResultAnswer.of, record="licence" if job.kind.startswith("sessions.") else "assignment")
    if wants_csv(request):
        return csv_of(ResultAnswer, as_answer, rows, service, caller, name=f"job-{job_id}")
    found = page(db, rows, limit=limit, cursor=cursor)
    return ResultsListing(items=[as_answer(row) for row in found.items], next_cursor=found.next_cursor)


@router.post("/{job_id}/cancel", dependencies=[allow(*ACTS)])
def cancel_job(job_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> JobAnswer:
    """Cancel what has not been begun. 409 `job-finished` when the job has ended."""
    return _told_if_ended(db, jobs.cancel(db, job_id, caller.actor, now), now)


@router.post("/{job_id}/retry", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(*ACTS)])
def retry_job(
    job_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    now: Now,
) -> JobAnswer:
    """A new job of only the failed recipients. 409 `nothing-to-retry` when there are none."""
    job = jobs.retry(
        db,
        job_id,
        caller.actor,
        caller.folders,
        change_limit=organization.change_limit,
        workers=accepting.workers,
        now=now,
    )
    return accepting.answer(job)


@router.post("/{job_id}/approve", dependencies=[allow(Permission.MANAGE_ASSIGNMENTS)])
def approve_job(job_id: uuid.UUID, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now) -> JobAnswer:
    """Let a job run that waits for a second member: another than the one who submitted it."""
    return accepting.answer(jobs.approve(db, job_id, caller.actor, now))


@router.post("/{job_id}/reject", dependencies=[allow(Permission.MANAGE_ASSIGNMENTS)])
def reject_job(job_id: uuid.UUID, body: ReasonRequest, db: Db, caller: CurrentCaller, now: Now) -> JobAnswer:
    """End a job that waits for approval: all of it is cancelled."""
    return _told_if_ended(db, jobs.reject(db, job_id, body.reason, caller.actor, now), now)


def _told_if_ended(db: Session, job: Job, now: datetime) -> JobAnswer:
    if JobState(job.state).final and job.kind in ENDED:
        ENDED[job.kind](db, job, now)
    return JobAnswer.of(job)


@router.post(
    "/{job_id}/undo", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.MANAGE_ASSIGNMENTS)]
)
def undo_job(
    job_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    now: Now,
) -> JobAnswer:
    """A job that closes what this one made, or reopens what it completed, where nobody has touched it since.

    Within 14 days; asked again, the same job.
    """
    job = jobs.get(db, job_id)
    undoing, replayed = jobs.undo(
        db,
        job,
        assignments.to_undo(job),
        caller.actor,
        caller.folders,
        change_limit=organization.change_limit,
        workers=accepting.workers,
        now=now,
    )
    return accepting.answer(undoing, replayed=replayed)
