"""The metrics of one API process: every request is counted and timed. They show nothing of an organization."""

import time

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a label of their own. All others share one: a caller could otherwise add labels without end."""


class Metrics:
    """The metrics of this process. Labels are methods, route patterns and statuses, never ids, names or addresses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "rollcall_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "rollcall_http_request_seconds", "Time to answer.", ["method", "route"], registry=self.registry
        )


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
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.seconds.labels(method, route).observe(time.perf_counter() - started)


def measure(app: FastAPI) -> None:
    """Count every request of the application."""
    app.state.metrics = Metrics()
    app.add_middleware(Measured, metrics=app.state.metrics)
