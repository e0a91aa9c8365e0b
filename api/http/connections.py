"""The connections of one API process: how many, and how long a client may take to send or to read.

A client that sends half a head, nothing at all, or does not read its answer would otherwise hold its connection for
ever, and a few thousand of them all the files that the process may open. uvicorn limits only the time between an
answer and the next byte. Based on its protocol for h11; httptools would save time only where the application does
almost nothing.
"""

import asyncio
import resource
from typing import Any, ClassVar, cast

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

HEAD_SECONDS = 10.0
"""Time for a whole request head, from the connection or from the first byte after the former request."""

UNREAD_SECONDS = 60.0
"""Time that a client may leave an answer unread while no more of it can be sent."""

OTHER_FILES = 256
"""Open files left for the database, the broker, logs and modules."""


def allowance(wanted: int) -> int:
    """Return how many connections this process can hold, at most `wanted`. Raises its limit of open files for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    log.warning("fewer connections than configured, because the process may open few files", files=soft)
    return max(1, soft - OTHER_FILES)


class Guarded(H11Protocol):
    """A connection with time limits. `guarded` makes the class for a server.

    most: upper bound of connections. silent: those without a whole request head, the oldest first.
    """

    most: ClassVar[int]
    silent: ClassVar[dict["Guarded", None]]
    head_seconds: ClassVar[float] = HEAD_SECONDS
    unread_seconds: ClassVar[float] = UNREAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head. Beyond the limit, the connection that has been silent longest is closed."""
        super().connection_made(transport)
        self.silent[self] = None
        self._head_timer = self.loop.call_later(self.head_seconds, self._close)
        if len(self.connections) > self.most:
            next(iter(self.silent))._close()

    def data_received(self, data: bytes) -> None:
        """Take data, and limit the time until the head is whole."""
        super().data_received(data)
        self._look_at_head(begun=True)

    def on_response_complete(self) -> None:
        """After an answer, the next head may have been begun or be there already. Until then the connection idles."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._look_at_head(begun=self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0]))

    def _look_at_head(self, *, begun: bool) -> None:
        """Stop the timer if a request is being answered, else start it. begun: False if no byte of it is there yet.

        The rest of a body that comes after its answer counts as the next head.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.silent.pop(self, None)
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
            return
        self.silent.setdefault(self, None)
        if begun and self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._close)

    def pause_writing(self) -> None:
        """Limit the time until the client reads on."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads on."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its timers."""
        super().connection_lost(exc)
        self.silent.pop(self, None)
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()

    def _close(self) -> None:
        """Close a connection without an answer. It no longer counts from now on."""
        self.silent.pop(self, None)
        self.connections.discard(self)
        self.transport.abort()


def guarded(most: int, **seconds: float) -> type[Guarded]:
    """Return the protocol class of one server. most: upper bound of its connections. seconds: other time limits."""
    return cast("type[Guarded]", type("Guarded", (Guarded,), {"most": most, "silent": {}, **seconds}))
