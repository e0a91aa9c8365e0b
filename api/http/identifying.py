"""The request's id on every answer and log line, and the headers that keep personal data out of caches.

It stands outside of everything else, so that answers to unexpected errors and refusals of the framework have them too.
"""

import re
import uuid
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.http.documents import secured

PERSONAL = ("/v1", "/scim")
"""Addresses that begin so can have personal data in every answer, errors included."""

_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""An id in another form could forge a log line, so the caller's own is then replaced."""


class Identified:
    """Gives each request an id, its caller's own if its form is right, and completes the answer's headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, with its id in the context of every log line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _FORM.fullmatch(given) else str(uuid.uuid4())
        personal = scope["path"].startswith(PERSONAL)

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["X-Request-Id"] = request_id
                if personal:
                    headers.setdefault("Cache-Control", "no-store")
                    headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        with bound_contextvars(request=request_id):
            await self._app(scope, receive, send_completed)


class Application(FastAPI):
    """FastAPI with `Identified` around everything, also around the handler of unexpected errors.

    A middleware that is added stands inside that handler, so its headers would be missing there.
    """

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API, with the token that its operations need."""
        if self.openapi_schema is None:
            secured(super().openapi(), self.routes)
        assert self.openapi_schema is not None
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        """Return the application with all its middleware."""
        return Identified(super().build_middleware_stack())
