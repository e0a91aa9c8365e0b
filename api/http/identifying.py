"""The request's id on every answer and log line, and the headers that keep personal data out of caches.

It stands outside of everything else, so that answers to unexpected errors and refusals of the framework have them too.
"""

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

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
        given = header(scope, b"x-request-id").decode("latin-1")
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

        tokens = bind_contextvars(request=request_id)
        try:
            await self._app(scope, receive, send_completed)
        finally:
            reset_contextvars(**tokens)


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header of the request as it was sent, empty if there is none. name: in small letters.

    For the layers that every request passes: an object for all its headers would take longer than they do.
    """
    return next((value for key, value in scope["headers"] if key == name), b"")
