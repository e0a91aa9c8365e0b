"""Routes for operators: liveness, readiness, metrics. They show nothing of an organization."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import errors
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError
from sqlalchemy.exc import SQLAlchemyError

import migrations
from api.http import presence
from api.http.dependencies import CurrentParts
from api.http.parts import Parts
from shared import clock, licences
from shared.database import Database, UnsafeRole
from shared.services import backlog
from shared.settings import TRAINING, Settings

router = APIRouter(tags=["operations"])


@router.get("/health/live")
async def read_liveness() -> dict[str, str]:
    """Answer 200 while the process runs. It is `async`, so that it needs no thread while others take all of them."""
    return {"status": "live"}


@router.get("/health/ready")
def read_readiness(parts: CurrentParts) -> JSONResponse:
    """Answer 200 if the database takes a write and is migrated, and this machine's clock agrees with its clock.

    A missing broker, mail server or worker only delays work, so they are reported and not required.
    """
    checks = {"database": _database(parts), "broker": _broker(parts.settings)}
    well = checks["database"] == "ok"
    if well:
        checks["clock"] = _clock(parts)
        well = checks["clock"] == "ok"
        checks |= _waiting(parts.database, parts.settings)
    if well and TRAINING in parts.settings.features:
        checks["sweep"] = _sweep(parts.database)
    return JSONResponse({"status": "ready" if well else "not ready", "checks": checks}, 200 if well else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(request: Request) -> Response:
    """The metrics of this process, and what waits in the deployment, for Prometheus."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _database(parts: Parts) -> str:
    settings = parts.settings
    try:
        behind = migrations.missing(settings.need_database_url(), settings.features)
        if behind:
            return f"not migrated: {', '.join(behind)}; run `rollcall migrate`"
        presence.renew(parts)
    except UnsafeRole as error:
        return str(error)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        reads_only = isinstance(cause, errors.ReadOnlySqlTransaction)
        return f"{'takes no writes' if reads_only else 'away'} ({type(cause).__name__})"
    return "ok"


def _clock(parts: Parts) -> str:
    """The state of this machine's clock. Licences are granted and checked by it, so a wrong one must serve nobody."""
    try:
        parts.timekeeper.check()
    except clock.ClockDiffers as error:
        return str(error)
    return "ok"


def _waiting(database: Database, settings: Settings) -> dict[str, str]:
    """The states of mails and jobs that wait."""
    now = clock.now()
    with database.transaction(None) as db:
        found = backlog.look(db, settings.features, now)
    mails, since = found.stuck_mails(now), found.jobs_since
    states = {"mail": "ok" if found.mail_is_on else "off", "work": "ok"}
    if mails is not None and mails.undelivered_since is not None:
        waited = _minutes(now - mails.undelivered_since)
        states["mail"] = f"behind: {mails.undelivered} mails wait, the oldest for {waited} minutes"
    if since is not None and since < now - backlog.LATE:
        states["work"] = f"behind: a job has waited for {_minutes(now - since)} minutes; does `rollcall worker` run?"
    return states


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)


def _sweep(database: Database) -> str:
    """The state of the nightly sweep. Licences are valid by their dates, so a late sweep does not prevent readiness."""
    with database.transaction(None) as db:
        behind = licences.organizations_behind(db, clock.now())
    hours = int(licences.LATE_AFTER.total_seconds() // 3600)
    return f"behind: {behind} not swept for {hours} hours; does `rollcall beat` run?" if behind else "ok"


def _broker(settings: Settings) -> str:
    try:
        with Redis.from_url(settings.need_redis_url(), socket_connect_timeout=1, socket_timeout=1) as redis:
            redis.set("rollcall:writes", 1, ex=10)
    except OutOfMemoryError:
        return "full; jobs are accepted and wait"
    except RedisError as error:
        return f"away ({type(error).__name__}); jobs are accepted and wait"
    return "ok"
