"""The tasks of jobs: claim a chunk, then do its work and settle it in one transaction.

A wake-up names an organization, not a chunk. Its task does the next due chunk of the organization and sends another
wake-up, until no chunk is due. So a message may be lost, doubled or late. An organization has at most `job_window`
chunks in progress, and its jobs take turns.
"""

from datetime import timedelta

import structlog
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError

from shared import clock, jobs, services  # noqa: F401 (services declares every kind of job)
from shared.jobs import Claim
from worker.app import config, parts
from worker.task import task

log = structlog.get_logger()


@task("jobs.run")
def run(org_id: str) -> None:
    """Wake as many workers as the organization has places for, and do one chunk in this task."""
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        for job in jobs.end_cancelled(db, now):
            jobs.call_on_end(db, job, now)
        places = jobs.free_places(db, config.job_window, now, config.job_claim_seconds)
    for _ in range(places - 1):
        parts.broker.send("jobs.run_chunk", org_id)
    if places:
        _work(org_id)


@task("jobs.run_chunk")
def run_chunk(org_id: str) -> None:
    """Do the next due chunk of the organization, and send another wake-up."""
    _work(org_id)


@task("jobs.rescue")
def rescue() -> None:
    """Wake the workers for organizations whose due jobs have made no progress for `job_rescue_seconds`."""
    quiet_since = clock.now() - timedelta(seconds=config.job_rescue_seconds)
    with parts.database.transaction(None) as db:
        for org_id in jobs.organizations_with_due_jobs(db, quiet_since):
            parts.broker.send("jobs.run", org_id)


def _work(org_id: str) -> None:
    with parts.database.transaction(org_id) as db:
        claimed = jobs.claim(db, clock.now(), config.job_claim_seconds)
    if claimed is None:
        return
    if claimed.attempts > jobs.ATTEMPTS_BEFORE_SPLIT:
        _isolate(org_id, claimed)
    else:
        _attempt(org_id, claimed)
    parts.broker.send("jobs.run_chunk", org_id)


def _attempt(org_id: str, claimed: Claim) -> None:
    """Do the work of a chunk and settle it in one transaction. After an error, release or split the chunk."""
    try:
        with parts.database.transaction(org_id) as db:
            chunk = jobs.lock(db, claimed)
            if chunk is not None:
                tally = jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now())
                now = clock.now()
                jobs.call_on_end(db, jobs.finish(db, chunk, tally, now), now)
    except OperationalError as error:
        _log_failure(claimed, error)
        if isinstance(error.orig, QueryCanceled):  # the statement timed out: one of its recipients hangs
            _isolate(org_id, claimed)
        elif not error.connection_invalidated:  # a lost connection may be the recipients' fault, so the attempt counts
            with parts.database.transaction(org_id) as db:
                jobs.release(db, claimed)
    except Exception as error:
        _log_failure(claimed, error)
        _isolate(org_id, claimed)


def _log_failure(claimed: Claim, error: Exception) -> None:
    log.warning("chunk failed", job=str(claimed.job_id), chunk=claimed.n, attempt=claimed.attempts, exc_info=error)


def _isolate(org_id: str, claimed: Claim) -> None:
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        job = jobs.isolate(db, claimed, now)
        if job is not None:
            jobs.call_on_end(db, job, now)
