"""Carrying jobs out: wake-ups come in, chunks are claimed, done and settled, each in one transaction.

A wake-up carries no obligation. Whoever gets one works on whichever chunk of that organization is due next, and
passes the wake-up on until nothing is left; so messages can be lost, doubled or late. An organization has at most
`job_window` chunks in flight, and its jobs take turns.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared import clock, jobs
from shared.jobs import Chunk, Claim, Job, JobState, Tally
from worker import assignments, sessions
from worker.app import config, workshop
from worker.task import task

log = structlog.get_logger()

Handler = Callable[[Session, Chunk], Tally]

HANDLERS: dict[str, Handler] = {
    "assignments.create": assignments.create,
    "assignments.complete": assignments.complete,
    "assignments.close": assignments.close,
    "assignments.undo": assignments.undo,
    "sessions.complete": sessions.complete,
    "sessions.amend": sessions.amend,
}
"""Which noun does the work of which kind of job."""

ENDED: dict[str, Callable[[Session, Job, datetime], None]] = {"sessions.complete": sessions.completion_ended}
"""Which noun wants to know, in the same transaction, that a job of a kind has ended."""


@task("jobs.run")
def run(org_id: str) -> None:
    """Jobs of an organization are due: wake as many workers as it has places for, and be one of them."""
    with workshop.database.transaction(org_id) as db:
        now = clock.now()
        for job in jobs.end_cancelled(db, now):
            _tell_if_ended(db, job, now)
        places = jobs.free_places(db, config.job_window, now, config.job_claim_seconds)
    for _ in range(places - 1):
        workshop.broker.send("jobs.run_chunk", org_id)
    if places:
        _work(org_id)


@task("jobs.run_chunk")
def run_chunk(org_id: str) -> None:
    """Work on whichever chunk of the organization is due next, and pass the wake-up on."""
    _work(org_id)


@task("jobs.rescue")
def rescue() -> None:
    """Wake the jobs that are due and that nobody has served for a while."""
    quiet_since = clock.now() - timedelta(seconds=config.job_rescue_seconds)
    with workshop.database.transaction(None) as db:
        for org_id in jobs.organizations_with_due_jobs(db, quiet_since):
            workshop.broker.send("jobs.run", org_id)


def _work(org_id: str) -> None:
    with workshop.database.transaction(org_id) as db:
        claimed = jobs.claim(db, clock.now(), config.job_claim_seconds)
    if claimed is None:
        return
    if claimed.attempts > jobs.ATTEMPTS_BEFORE_SPLIT:
        _isolate(org_id, claimed)
    else:
        _attempt(org_id, claimed)
    workshop.broker.send("jobs.run_chunk", org_id)


def _attempt(org_id: str, claimed: Claim) -> None:
    """Do the chunk in one transaction. On an error nothing of it is kept, and the chunk is put back or split."""
    try:
        with workshop.database.transaction(org_id) as db:
            chunk = jobs.lock(db, claimed)
            if chunk is not None:
                tally = HANDLERS[chunk.job.kind](db, chunk)
                now = clock.now()
                _tell_if_ended(db, jobs.finish(db, chunk, tally, now), now)
    except OperationalError as error:
        _log_failure(claimed, error)
        if isinstance(error.orig, QueryCanceled):  # it took too long: one of its recipients hangs
            _isolate(org_id, claimed)
        elif (
            not error.connection_invalidated
        ):  # else the recipients may be what ended the connection: the attempt counts
            with workshop.database.transaction(org_id) as db:
                jobs.release(db, claimed)
    except Exception as error:
        _log_failure(claimed, error)
        _isolate(org_id, claimed)


def _log_failure(claimed: Claim, error: Exception) -> None:
    log.warning("chunk failed", job=str(claimed.job_id), chunk=claimed.n, attempt=claimed.attempts, exc_info=error)


def _isolate(org_id: str, claimed: Claim) -> None:
    with workshop.database.transaction(org_id) as db:
        now = clock.now()
        job = jobs.isolate(db, claimed, now)
        if job is not None:
            _tell_if_ended(db, job, now)


def _tell_if_ended(db: Session, job: Job, now: datetime) -> None:
    if JobState(job.state).final and job.kind in ENDED:
        ENDED[job.kind](db, job, now)
