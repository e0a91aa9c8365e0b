"""One connection to a webhook: HTTP/1.1, a message at a time, kept for the next.

h11 speaks the protocol. An HTTP client around it, with its pool, took more of a call than the protocol and the network
together, and can do nothing that a webhook needs.
"""

import asyncio
import select
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import h11
import httpcore2

KEPT_SECONDS = 5.0
"""Receivers close what lies idle, without a word; one that closes just then makes a call fail that need not."""

READ_AT_ONCE = 64 * 1024
LONGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Origin:
    """Where connections lead. host: in ASCII, and what TLS verifies."""

    scheme: str
    host: str
    port: int


class Connection:
    """Not to be used for another message unless it is `free`. What fails raises `httpcore2.NetworkError` or
    `h11.ProtocolError`."""

    def __init__(self, origin: Origin, stream: httpcore2.AsyncNetworkStream) -> None:
        self.origin = origin
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._used_at = 0.0
        self._heard = select.poll()
        self._heard.register(stream.get_extra_info("socket"), select.POLLIN)

    async def ask(self, request: h11.Request, body: bytes) -> h11.Response:
        """Send a message. Answers the head of what comes back, also where the rest of the message was not taken."""
        sent = [self._http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
        with suppress(httpcore2.WriteError):
            await self._stream.write(b"".join(sent))
        event = await self._next_event()
        while not isinstance(event, h11.Response):  # one in between, such as 100
            event = await self._next_event()
        return event

    async def read_out(self, most: int) -> None:
        """Read what follows the head, up to so many bytes."""
        read = 0
        while isinstance(event := await self._next_event(), h11.Data):
            read += len(event.data)
            if read > most:
                return
        if self._http.our_state is h11.DONE is self._http.their_state:
            self._http.start_next_cycle()
            self._used_at = time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether the last message is over and done with, and not long ago."""
        return self._http.our_state is h11.IDLE and time.monotonic() < self._used_at + KEPT_SECONDS

    @property
    def free(self) -> bool:
        """Whether it can take another message: nothing was said since the last, not even that the other side closes."""
        return self.fresh and not self._heard.poll(0)

    async def close(self) -> None:
        """Close it, whatever is under way."""
        await self._stream.aclose()

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._stream.read(READ_AT_ONCE))
        assert not isinstance(event, type) or event is h11.PAUSED
        return event


async def connect(backend: httpcore2.AsyncNetworkBackend, origin: Origin) -> Connection:
    """A new one. Raises besides what the backend raises."""
    stream = await backend.connect_tcp(origin.host, origin.port)
    if origin.scheme == "https":
        try:
            stream = await stream.start_tls(_tls(), origin.host)
        except asyncio.CancelledError:  # the time is over; what fails by itself is closed by the backend
            await stream.aclose()
            raise
    return Connection(origin, stream)


@cache
def _tls() -> ssl.SSLContext:
    """The authorities that this machine trusts, read once."""
    context = httpcore2.default_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
