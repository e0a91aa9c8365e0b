"""The size limit of bodies. FastAPI's own limit answers a too large declared length in plain text."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body larger than `most` bytes with 413, by its declared length if it has one, else while reading it."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the bytes of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        read = int(declared) if declared.isdecimal() else 0
        left = self._most - read

        async def receive_counted() -> Message:
            nonlocal left
            if left < 0:
                raise HTTPException(413)
            message = await receive()
            if read == 0:
                left -= len(message.get("body", b""))
                if left < 0:
                    raise HTTPException(413)
            return message

        await self._app(scope, receive_counted, send)
