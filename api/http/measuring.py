"""The metrics of one API process: every request is counted and timed, and what waits in the deployment is shown.

They show nothing of an organization.
"""

import os
import time
from collections.abc import Iterator
from functools import cache
from threading import Lock

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.parts import Parts
from shared import clock
from shared.database import UnsafeRole
from shared.services import backlog
from shared.services.backlog import Backlog

log = structlog.get_logger()

FRESH_SECONDS = 5.0
"""The waiting work is looked up at most this often, however often /metrics is fetched."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a label of their own. All others share one: a caller could otherwise add labels without end."""


SEVERAL = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's variable with the folder in which several processes keep their counts, so that /metrics of any
of them shows the sums. `rollcall api --processes` sets it."""


class Metrics:
    """The metrics of this process, or of all that share its address.

    Labels are methods, route patterns and statuses, never ids, names or addresses.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: CollectorRegistry | None = self.registry
        if SEVERAL in os.environ:  # the counts are in files, and each process shows the sums of all
            MultiProcessCollector(self.registry)  # type: ignore[no-untyped-call]
            own = None
        self.requests = Counter(
            "rollcall_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=own
        )
        self.seconds = Histogram("rollcall_http_request_seconds", "Time to answer.", ["method", "route"], registry=own)

        self.of = cache(self._of)

    def _of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Return the metrics with these labels. Looking one up takes longer than counting, so they are kept."""
        return self.requests.labels(method, route, status), self.seconds.labels(method, route)


class Measured:
    """Counts and times every request. Plain ASGI, so that it does not buffer streams or delay background tasks."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its duration and the status of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in METHODS else "other"
            requests, seconds = self._metrics.of(method, route, status)
            requests.inc()
            seconds.observe(time.perf_counter() - started)


class Waiting(Collector):
    """Gauges of what waits in the whole deployment. Without the database there are none, and /metrics still answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turn = Lock()
        self._looked_at = float("-inf")
        self._found: Backlog | None = None

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing, so that registering does not query the database."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        found, now = self._look(), clock.now()
        if found is None:
            return
        waiting = GaugeMetricFamily("rollcall_deliveries_waiting", "Queued deliveries.", labels=["channel"])
        oldest = GaugeMetricFamily(
            "rollcall_deliveries_oldest_due_seconds", "Time since the oldest is due.", labels=["channel"]
        )
        for channel, one in found.deliveries.items():
            waiting.add_metric([str(channel)], one.waiting)
            oldest.add_metric([str(channel)], (now - one.oldest_due_at).total_seconds() if one.oldest_due_at else 0)
        yield from (waiting, oldest)
        for name, text, since in (
            (
                "rollcall_jobs_oldest_waiting_seconds",
                "Time since the longest waiting job advanced.",
                found.jobs_since,
            ),
            ("rollcall_sweep_lag_seconds", "Time since the least recently swept organization's sweep.", found.swept_at),
        ):
            yield GaugeMetricFamily(name, text, value=(now - since).total_seconds() if since else 0)
        yield GaugeMetricFamily("rollcall_mail_on", "1 if mails are planned and sent.", value=int(found.mail_is_on))

    def _look(self) -> Backlog | None:
        with self._turn:
            if time.monotonic() > self._looked_at + FRESH_SECONDS:
                try:
                    with self._parts.database.transaction(None) as db:
                        self._found = backlog.look(db, self._parts.settings.features, clock.now())
                except (SQLAlchemyError, UnsafeRole) as error:
                    log.warning("what waits is unknown", exc_info=error)
                    self._found = None
                self._looked_at = time.monotonic()
            return self._found


def measure(app: FastAPI, parts: Parts) -> None:
    """Count every request of the application, and show what waits."""
    app.state.metrics = Metrics()
    app.state.metrics.registry.register(Waiting(parts))
