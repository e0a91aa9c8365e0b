"""For those who run the service: is it alive, is it ready, what are its figures. Nothing here belongs to a tenant."""

import time
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import migrations
from api.dependencies import CurrentService
from shared import clock, licences
from shared.database import UnsafeRole
from shared.settings import TRAINING, Settings

router = APIRouter(tags=["operations"])


class Metrics:
    """This process's figures. Labels are route patterns and statuses: never ids, names or addresses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rollcall_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "rollcall_http_request_seconds", "Time to answer.", ["method", "route"], registry=self.registry
        )


class Measured:
    """Counts and times every request, as plain ASGI: streams and background work pass untouched."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its answer's status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            self._metrics.seconds.labels(scope["method"], route).observe(time.perf_counter() - started)


def measure(app: FastAPI) -> None:
    """Count every request of the application."""
    app.state.metrics = Metrics()
    app.add_middleware(Measured, metrics=app.state.metrics)


@router.get("/health/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready")
def ready(service: CurrentService) -> JSONResponse:
    """Whether requests can be served: the database answers and is current. Without a broker jobs wait, no more."""
    checks = {"database": _database(service.database, service.settings), "broker": _broker(service.settings)}
    well = checks["database"] == "ok"
    if well and TRAINING in service.settings.features:
        checks["sweep"] = _sweep(service.database)
    return JSONResponse({"status": "ready" if well else "not ready", "checks": checks}, 200 if well else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Prometheus figures of this process."""
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
    """Whether the nightly sweep keeps up. Validity does not wait for it, so readiness does not either."""
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
