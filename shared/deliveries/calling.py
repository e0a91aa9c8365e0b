"""One call of a webhook: posts a message and translates the response into a `DeliveryCode`.

Everything is bounded, because the receiver is not under our control: 3 s to connect, 15 s of wall-clock time in all (a
receiver that sends one byte per second gains nothing), 64 KiB read. Redirects are not followed. Proxies from the
environment are not used.

Why not the client of httpx2: redirects, proxies and its own DNS lookup would have to be switched off, and its
connection pool took half of the processor time of a call: 1.65 ms before and 0.65 ms since (docs/decisions/0014).
httpx2 still parses the addresses.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import h11
import httpcore2
import httpx2

from shared.deliveries.addresses import AddressRefused, GuardedBackend, port_of
from shared.deliveries.codes import DeliveryCode
from shared.deliveries.connections import Connection, Origin, connect
from shared.deliveries.signing import headers

CALL_SECONDS = 15.0
BODY_SECONDS = 2.0
"""Time limit for the response body. The result is the status alone; the body is read only to keep the connection."""
MOST_READ = 64 * 1024

LONGEST_RETRY_AFTER = timedelta(hours=8)
"""Upper bound for Retry-After: a receiver's mistake must not block its own messages for longer."""


@dataclass(frozen=True)
class Message:
    """A message to a webhook. id: the event's, the same at every attempt. secrets: each makes one signature."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True)
class Reply:
    """The result of a call. status: the HTTP status, if there was a response. retry_after: the pause asked for."""

    code: DeliveryCode
    status: int | None = None
    retry_after: timedelta = timedelta()


class Line:
    """A pool of connections to webhooks. most: upper bound of idle connections that are kept."""

    def __init__(self, backend: GuardedBackend, most: int) -> None:
        self._backend, self._most = backend, most
        self._idle: list[Connection] = []

    async def call(self, message: Message, now: datetime) -> Reply:
        """Post a message. Every failure that the receiver can cause is returned as a code, not raised.

        Once the status has arrived it is the result, even if reading the body fails.
        """
        replies: list[Reply] = []
        failure = DeliveryCode.CONNECTION_FAILED
        try:
            async with asyncio.timeout(CALL_SECONDS) as limit:
                await self._post(message, now, replies, limit)
        except (TimeoutError, httpcore2.TimeoutException):
            failure = DeliveryCode.TIMED_OUT
        except AddressRefused:
            failure = DeliveryCode.ADDRESS_REFUSED
        except (httpcore2.NetworkError, h11.ProtocolError, httpx2.InvalidURL, OSError):
            pass
        return replies[0] if replies else Reply(failure)

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()

    async def _post(self, message: Message, now: datetime, replies: list[Reply], limit: asyncio.Timeout) -> None:
        target = _target(message.url)
        signed = headers(message.id, message.body, message.secrets, now)
        length = (b"content-length", str(len(message.body)).encode())
        request = h11.Request(method=b"POST", target=target.path, headers=[*target.headers, length, *signed])
        connection = await self._connection(target.origin)
        try:
            response = await connection.send(request, message.body)
            replies.append(_reply(response, now))
            at_most = asyncio.get_running_loop().time() + BODY_SECONDS
            limit.reschedule(min(limit.when() or at_most, at_most))
            await connection.read_body(MOST_READ)
        finally:
            await self._keep(connection)

    async def _connection(self, origin: Origin) -> Connection:
        """The usable connection that was used last, or a new one."""
        while (kept := next((one for one in reversed(self._idle) if one.origin == origin), None)) is not None:
            self._idle.remove(kept)
            if kept.free:
                return kept
            await kept.close()
        return await connect(self._backend, origin)

    async def _keep(self, connection: Connection) -> None:
        """Put a connection back into the pool. Closes every idle connection that has ended, or the oldest beyond the
        pool's size."""
        self._idle.append(connection)
        ended = [one for one in self._idle if not one.fresh] or self._idle[: -self._most]
        self._idle = [one for one in self._idle if one not in ended]
        for one in ended:
            await one.close()


@asynccontextmanager
async def open_line(*, allow_private: bool, most: int) -> AsyncIterator[Line]:
    """A pool of connections for the duration of the block. most: upper bound of idle connections that are kept."""
    line = Line(GuardedBackend(allow_private=allow_private), most)
    try:
        yield line
    finally:
        await line.close()


@dataclass(frozen=True)
class _Target:
    """The parts of a webhook's address. headers: those that every message to it has in common."""

    origin: Origin
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]


@lru_cache
def _target(url: str) -> _Target:
    """Parse an address. Cached, because a receiver is called many times."""
    parts = httpx2.URL(url)
    sent = {"content-type": "application/cloudevents+json", "user-agent": "Rollcall", "accept": "*/*"}
    return _Target(
        Origin(parts.scheme, parts.raw_host.decode(), port_of(parts)),
        parts.raw_path or b"/",
        [(b"host", parts.netloc), *((name.encode(), value.encode()) for name, value in sent.items())],
    )


def _reply(response: h11.Response, now: datetime) -> Reply:
    match status := response.status_code:
        case 410:
            return Reply(DeliveryCode.GONE, status)
        case 429 | 503:
            return Reply(DeliveryCode.HTTP_ERROR, status, _retry_after(response, now))
        case _ if 200 <= status < 300:
            return Reply(DeliveryCode.DELIVERED, status)
        case _ if 300 <= status < 400:
            return Reply(DeliveryCode.REDIRECTED, status)
    return Reply(DeliveryCode.HTTP_ERROR, status)


def _retry_after(response: h11.Response, now: datetime) -> timedelta:
    """The pause that Retry-After asks for, in seconds or as a date (RFC 9110, 10.2.3); none if it is not readable."""
    value = next((text for name, text in response.headers if name == b"retry-after"), b"").decode("latin-1")
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), LONGEST_RETRY_AFTER.total_seconds()))
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return timedelta()
    return min(max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta()), LONGEST_RETRY_AFTER)
