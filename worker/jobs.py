"""The tasks of jobs: claim a chunk, then do its work and settle it in one transaction.

A message is only a wake-up: its task does the next due chunk of the organization whose turn it is, and passes a wake-up
on, until no chunk is due. So a message may be lost, doubled or late, and the messages of one organization are not in
front of another's. An organization has at most `job_window` chunks in progress, and its jobs take turns. The names of
organizations in messages are for workers of the former release.
"""

import random
from datetime import timedelta

import structlog
from psycopg.errors import (
    CrashShutdown,
    DeadlockDetected,
    ForeignKeyViolation,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from shared import clock, jobs, services, statistics  # noqa: F401 (services declares every kind of job)
from shared.broker import MOST_QUEUED_BY_REQUESTS
from shared.jobs import Claim, OutcomeCode
from worker.app import config, parts
from worker.task import task

log = structlog.get_logger()

OTHERS_ACT = (DeadlockDetected, SerializationFailure, LockNotAvailable, CrashShutdown)
"""Errors that another transaction caused. `CrashShutdown` says that another connection's process has crashed; the
connection whose statement crashed it is lost without a code."""

PAUSE = timedelta(seconds=2)
"""The pause before a chunk is tried again that the database could not do, for example because its disk is full."""


@task("jobs.run")
def run(org_id: str) -> None:
    """End the cancelled jobs of the organization that dead workers left, and do the next due chunk of any."""
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        for job in jobs.end_cancelled(db, now):
            jobs.call_on_end(db, job, now)
    _work()


@task("jobs.run_chunk")
def run_chunk(org_id: str) -> None:  # noqa: ARG001 - for workers of the former release
    """Do the next due chunk of the organization whose turn it is."""
    _work()


@task("jobs.rescue")
def rescue() -> None:
    """Wake the workers for organizations whose due jobs have made no progress for `job_rescue_seconds`."""
    quiet_since = clock.now() - timedelta(seconds=config.job_rescue_seconds)
    with parts.database.transaction(None) as db:
        due = jobs.organizations_with_due_jobs(db, quiet_since)
    random.shuffle(due)  # because no more messages are sent than the queue may hold
    for org_id in due:
        parts.broker.nudge("jobs.run", org_id, most=MOST_QUEUED_BY_REQUESTS)


def _work() -> None:
    """Claim a chunk, wake another worker if more are due, do the chunk, and pass a wake-up on."""
    passed_over: list[str] = []
    while waiting := _in_turn(passed_over):
        for org_id in waiting:
            with parts.database.transaction(org_id) as db:
                claimed = jobs.claim(db, clock.now(), config.job_claim_seconds, config.job_window)
            if claimed is not None:
                if claimed.more or len(waiting) > 1:
                    parts.broker.nudge("jobs.run_chunk", org_id)
                _do(org_id, claimed)
                parts.broker.nudge("jobs.run_chunk", org_id)
                return
        passed_over += waiting


def _in_turn(passed_over: list[str]) -> list[str]:
    with parts.database.transaction(None) as db:
        return jobs.organizations_in_turn(
            db, config.job_window, clock.now(), config.job_claim_seconds, passing_over=passed_over
        )


def _do(org_id: str, claimed: Claim) -> None:
    """Attempt a chunk. One whose attempts all died is split, or given up if it has one recipient."""
    if claimed.attempts > (jobs.ATTEMPTS_ALONE if claimed.alone else jobs.ATTEMPTS_BEFORE_SPLIT):
        _isolate(org_id, claimed, OutcomeCode.PROCESSING_INTERRUPTED)
    else:
        statistics.keep(parts.database, org_id, written=_attempt(org_id, claimed))


def _attempt(org_id: str, claimed: Claim) -> int:
    """Do the work of a chunk and settle it in one transaction. After an error, release or split the chunk.

    Returns the number of recipients done.
    """
    done = 0
    try:
        with parts.database.transaction(org_id) as db:
            chunk = jobs.lock(db, claimed)
            if chunk is not None:
                tally = jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now())
                now = clock.now()
                jobs.call_on_end(db, jobs.finish(db, chunk, tally, now), now)
                done = chunk.size
        return done
    except OperationalError as error:
        _log_failure(claimed, error)
        if isinstance(error.orig, QueryCanceled):  # the statement timed out: one of its recipients hangs
            _isolate(org_id, claimed)
        elif isinstance(error.orig, OTHERS_ACT):
            _release(org_id, claimed, timedelta(0))
        elif not error.connection_invalidated:  # a lost connection may be the recipients' fault, so the attempt counts
            _release(org_id, claimed, PAUSE)
    except jobs.NotYet as error:
        _release(org_id, claimed, PAUSE, counted=error.counted)
    except Exception as error:
        _log_failure(claimed, error)
        if isinstance(error, IntegrityError) and isinstance(error.orig, ForeignKeyViolation):
            _release(org_id, claimed, timedelta(0), counted=True)  # one of its parties got another id meanwhile
        else:
            _isolate(org_id, claimed)
    return 0


def _log_failure(claimed: Claim, error: Exception) -> None:
    log.warning("chunk failed", job=str(claimed.job_id), chunk=claimed.n, attempt=claimed.attempts, exc_info=error)


def _release(org_id: str, claimed: Claim, pause: timedelta, *, counted: bool = False) -> None:
    with parts.database.transaction(org_id) as db:
        jobs.release(db, claimed, clock.now() + pause if pause else None, counted=counted)


def _isolate(org_id: str, claimed: Claim, code: OutcomeCode = OutcomeCode.PROCESSING_FAILED) -> None:
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        job = jobs.isolate(db, claimed, now, code)
        if job is not None:
            jobs.call_on_end(db, job, now)
