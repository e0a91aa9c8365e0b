"""The limits of bodies: their size, and the time in which they arrive.

FastAPI's own limit of size answers a too large declared length in plain text.
"""

import time

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.identifying import header

PIECE_SECONDS = 10.0
"""Time in which at least a part of the body must arrive."""

BODY_SECONDS = 120.0
"""Time for a whole body: 8 MiB at half a megabit a second."""


class BodyLimit:
    """Refuses a body larger than `most` bytes with 413, by its declared length if it has one, else while reading it.

    A body that does not arrive in time is refused with 408: its request would hold its connection for ever.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = header(scope, b"content-length").decode("latin-1")
        read = int(declared) if declared.isdecimal() else 0
        left, complete, begun = self._most - read, False, time.monotonic()

        async def receive_counted() -> Message:
            nonlocal left, complete
            if left < 0:
                raise HTTPException(413)
            if complete:  # only the end of the connection can come
                return await receive()
            try:
                with anyio.fail_after(min(begun + BODY_SECONDS - time.monotonic(), PIECE_SECONDS)):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            complete = not message.get("more_body", False)
            if read == 0:
                left -= len(message.get("body", b""))
                if left < 0:
                    raise HTTPException(413)
            return message

        await self._app(scope, receive_counted, send)
