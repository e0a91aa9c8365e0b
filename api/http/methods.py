"""The methods of an address: OPTIONS and 405 name all of them, and HEAD is answered wherever GET is.

The framework raises 405 from the first route that has the address, and so names the methods of that route only. It adds
HEAD to plain routes, and not to those of the API.
"""

import re
from collections.abc import Callable, Sequence

import anyio
from fastapi.routing import iter_route_contexts
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Methods:
    """A middleware: answers OPTIONS, completes the `Allow` of a 405, and answers HEAD as GET without the body.

    routes: returns the routes of the application. They are read at the first request that needs them.
    """

    def __init__(self, app: ASGIApp, routes: Callable[[], Sequence[BaseRoute]]) -> None:
        self._app = app
        self._routes = routes
        self._known: list[tuple[re.Pattern[str], frozenset[str]]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._answer_head(scope, receive, send)
        elif scope["method"] == "OPTIONS" and (allowed := self._allowed(scope["path"])):
            headers = [(b"allow", allowed.encode())]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, self._completing(scope["path"], send))

    def _completing(self, path: str, send: Send) -> Send:
        """Return a `send` that names all methods of the address in a 405."""

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 405:
                MutableHeaders(raw=message["headers"])["Allow"] = self._allowed(path)
            await send(message)

        return send_completed

    def _allowed(self, path: str) -> str:
        """Return the methods of an address, for the header `Allow`; empty if there is nothing at it."""
        if self._known is None:
            routes = iter_route_contexts(self._routes())
            self._known = [(compile_path(str(one.path))[0], frozenset(one.methods or ())) for one in routes]
        found = {method for pattern, methods in self._known if pattern.match(path) for method in methods}
        if "GET" in found:
            found.add("HEAD")
        return ", ".join(sorted(found | {"OPTIONS"})) if found else ""

    async def _answer_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as GET does, without the body. A stream is ended as if its client had gone."""
        ended = False

        async def send_head(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
                return
            if not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            if message.get("more_body"):
                stream.cancel()

        scope["method"] = "GET"
        try:
            with anyio.CancelScope() as stream:
                await self._app(scope, receive, self._completing(scope["path"], send_head))
        finally:
            scope["method"] = "HEAD"  # for the metrics
