"""Carrying jobs out: a wake-up comes in, a chunk is claimed, worked on and settled, in one transaction.

A wake-up names an organization, not a chunk. A worker that gets one works on the chunk of that organization that is due
next, and passes the wake-up on until nothing is left; so messages can be lost, doubled or late. An organization has at
most `job_window` chunks in flight, and its jobs take turns.
"""

from datetime import timedelta

import structlog
from psycopg.errors import QueryCanceled
from sqlalchemy.exc import OperationalError

from shared import clock, jobs, services, statistics  # noqa: F401 (services declares every kind of job)
from shared.jobs import Claim
from worker.app import config, parts
from worker.task import task

log = structlog.get_logger()


@task("jobs.run")
def run(org_id: str) -> None:
    """Jobs of an organization are due: wake as many workers as it has places for, and be one of them."""
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        for job in jobs.end_cancelled(db, now):
            jobs.tell_if_ended(db, job, now)
        places = jobs.free_places(db, config.job_window, now, config.job_claim_seconds)
    for _ in range(places - 1):
        parts.broker.send("jobs.run_chunk", org_id)
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
        statistics.keep(parts.database, org_id, written=_attempt(org_id, claimed))
    parts.broker.send("jobs.run_chunk", org_id)


def _attempt(org_id: str, claimed: Claim) -> int:
    """Do the chunk in one transaction. On an error nothing of it is kept, and the chunk is put back or split.

    Returns the number of recipients done.
    """
    done = 0
    try:
        with parts.database.transaction(org_id) as db:
            chunk = jobs.lock(db, claimed)
            if chunk is not None:
                tally = jobs.kind_of(chunk.job).carry_out(db, chunk, clock.now())
                now = clock.now()
                jobs.tell_if_ended(db, jobs.finish(db, chunk, tally, now), now)
                done = chunk.size
        return done
    except OperationalError as error:
        _log_failure(claimed, error)
        if isinstance(error.orig, QueryCanceled):  # it took too long: one of its recipients hangs
            _isolate(org_id, claimed)
        elif (
            not error.connection_invalidated
        ):  # else the recipients may be what ended the connection: the attempt counts
            with parts.database.transaction(org_id) as db:
                jobs.release(db, claimed)
    except Exception as error:
        _log_failure(claimed, error)
        _isolate(org_id, claimed)
    return 0


def _log_failure(claimed: Claim, error: Exception) -> None:
    log.warning("chunk failed", job=str(claimed.job_id), chunk=claimed.n, attempt=claimed.attempts, exc_info=error)


def _isolate(org_id: str, claimed: Claim) -> None:
    with parts.database.transaction(org_id) as db:
        now = clock.now()
        job = jobs.isolate(db, claimed, now)
        if job is not None:
            jobs.tell_if_ended(db, job, now)
