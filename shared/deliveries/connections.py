"""One connection to a webhook: HTTP/1.1, one message at a time, kept open for the next one.

h11 implements the protocol; httpcore2's backend provides network and TLS. Why not httpcore2's own connections: its pool
inspects all connections and asks the kernel about each, twice a call, and even without the pool a call took 0.37 ms of
processor time against 0.23 ms here. asyncio's streams took 0.15 ms, but would need a guard and TLS of our own
(docs/decisions/0014). A webhook needs nothing else that an HTTP client offers.
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
"""How long an idle connection is used again. Receivers close idle connections without notice; a call that uses one at
that moment fails."""

READ_AT_ONCE = 64 * 1024
LONGEST_HEAD = 64 * 1024


@dataclass(frozen=True)
class Origin:
    """The destination of a connection. host: in ASCII; TLS verifies it."""

    scheme: str
    host: str
    port: int


class Connection:
    """A connection to a webhook. Use it for another message only if it is `free`.

    Failures raise `httpcore2.NetworkError` or `h11.ProtocolError`.
    """

    def __init__(self, origin: Origin, stream: httpcore2.AsyncNetworkStream) -> None:
        self.origin = origin
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._used_at = 0.0
        self._incoming = select.poll()
        self._incoming.register(stream.get_extra_info("socket"), select.POLLIN)

    async def send(self, request: h11.Request, body: bytes) -> h11.Response:
        """Send a message and return the head of the response. A receiver may respond before it has read the whole
        message, so an error while writing is ignored."""
        sent = [self._http.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
        with suppress(httpcore2.WriteError):
            await self._stream.write(b"".join(sent))
        event = await self._next_event()
        while not isinstance(event, h11.Response):  # an informational response such as 100
            event = await self._next_event()
        return event

    async def read_body(self, most: int) -> None:
        """Read the body of the response and prepare for the next message. most: upper bound in bytes."""
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
        """True if the last response was read completely, less than KEPT_SECONDS ago."""
        return self._http.our_state is h11.IDLE and time.monotonic() < self._used_at + KEPT_SECONDS

    @property
    def free(self) -> bool:
        """True if it can take another message: it is fresh, and the receiver has neither sent more nor closed it."""
        return self.fresh and not self._incoming.poll(0)

    async def close(self) -> None:
        """Close it, even in the middle of a message."""
        await self._stream.aclose()

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._stream.read(READ_AT_ONCE))
        assert not isinstance(event, type) or event is h11.PAUSED
        return event


async def connect(backend: httpcore2.AsyncNetworkBackend, origin: Origin) -> Connection:
    """A new connection. Raises what the backend raises, AddressRefused for example."""
    stream = await backend.connect_tcp(origin.host, origin.port)
    if origin.scheme == "https":
        try:
            stream = await stream.start_tls(_tls(), origin.host)
        except asyncio.CancelledError:  # the time limit; after any other failure the backend closes the stream
            await stream.aclose()
            raise
    return Connection(origin, stream)


@cache
def _tls() -> ssl.SSLContext:
    """A context with the authorities that this machine trusts, read once."""
    context = httpcore2.default_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
