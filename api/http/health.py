"""Routes for operators: liveness, readiness, metrics. They show nothing of an organization."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import migrations
from api.http.dependencies import CurrentParts
from shared import clock, licences
from shared.database import UnsafeRole
from shared.settings import TRAINING, Settings

router = APIRouter(tags=["operations"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Answer 200 while the process runs. It is `async`, so that it needs no thread while others take all of them."""
    return {"status": "live"}


@router.get("/health/ready")
def ready(parts: CurrentParts) -> JSONResponse:
    """Answer 200 if the database answers and is migrated. A missing broker only delays jobs, so it is not required."""
    checks = {"database": _database(parts.database, parts.settings), "broker": _broker(parts.settings)}
    well = checks["database"] == "ok"
    if well and TRAINING in parts.settings.features:
        checks["sweep"] = _sweep(parts.database)
    return JSONResponse({"status": "ready" if well else "not ready", "checks": checks}, 200 if well else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """The metrics of this process, for Prometheus."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _database(database: Any, settings: Settings) -> str:
    try:
        with database.transaction(None) as db:
            db.execute(text("SELECT 1"))
        behind = migrations.missing(settings.need_database_url(), settings.features)
    except UnsafeRole as error:
        return str(error)
    except SQLAlchemyError as error:
        return f"away ({type(error).__name__})"
    return f"not migrated: {', '.join(behind)}; run `rollcall migrate`" if behind else "ok"


def _sweep(database: Any) -> str:
    """The state of the nightly sweep. Licences are valid by their dates, so a late sweep does not prevent readiness."""
    with database.transaction(None) as db:
        behind = licences.organizations_behind(db, clock.now())
    hours = int(licences.LATE_AFTER.total_seconds() // 3600)
    return f"behind: {behind} not swept for {hours} hours; does `rollcall beat` run?" if behind else "ok"


def _broker(settings: Settings) -> str:
    try:
        with Redis.from_url(settings.need_redis_url(), socket_connect_timeout=1, socket_timeout=1) as redis:
            redis.ping()
    except RedisError as error:
        return f"away ({type(error).__name__}); jobs are accepted and wait"
    return "ok"
