"""One call of a webhook: post a message, and put what came back into one of our codes.

Everything is bounded, because the other side is not ours: 3 s to connect, 15 s in all by the clock on the wall (a byte
a second keeps no call alive), 64 KiB read. Redirects are not followed, proxies from the environment not used.
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
"""The status says it all; the rest is read only to keep the connection, and not for longer than this."""
MOST_READ = 64 * 1024

LONGEST_ASKED = timedelta(hours=8)
"""For no longer is a receiver left alone at its word: it must not keep its messages from itself by a slip."""


@dataclass(frozen=True)
class Message:
    """What a webhook is told. id: the event's, the same at every attempt. secrets: each of them signs."""

    url: str
    id: str
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True)
class Reply:
    """What came back. status: where it was HTTP. asked: for how long it wants to be left alone."""

    code: DeliveryCode
    status: int | None = None
    asked: timedelta = timedelta()


class Line:
    """Connections to webhooks, kept for the next message."""

    def __init__(self, backend: GuardedBackend, most: int) -> None:
        self._backend, self._most = backend, most
        self._idle: list[Connection] = []

    async def call(self, message: Message, now: datetime) -> Reply:
        """Post a message. Raises nothing that the other side could bring about."""
        heard: list[Reply] = []
        failure = DeliveryCode.CONNECTION_FAILED
        try:
            async with asyncio.timeout(CALL_SECONDS) as limit:
                await self._post(message, now, heard, limit)
        except (TimeoutError, httpcore2.TimeoutException):
            failure = DeliveryCode.TIMED_OUT
        except AddressRefused:
            failure = DeliveryCode.ADDRESS_REFUSED
        except (httpcore2.NetworkError, h11.ProtocolError, httpx2.InvalidURL, OSError):
            pass
        return heard[0] if heard else Reply(failure)

    async def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            await self._idle.pop().close()

    async def _post(self, message: Message, now: datetime, heard: list[Reply], limit: asyncio.Timeout) -> None:
        target = _target(message.url)
        signed = headers(message.id, message.body, message.secrets, now)
        length = (b"content-length", str(len(message.body)).encode())
        request = h11.Request(method=b"POST", target=target.path, headers=[*target.headers, length, *signed])
        connection = await self._connection(target.origin)
        try:
            response = await connection.ask(request, message.body)
            heard.append(_understood(response, now))
            at_most = asyncio.get_running_loop().time() + BODY_SECONDS
            limit.reschedule(min(limit.when() or at_most, at_most))
            await connection.read_out(MOST_READ)
        finally:
            await self._keep(connection)

    async def _connection(self, origin: Origin) -> Connection:
        """One that is free, of those the one used last, or else a new one."""
        while (kept := next((one for one in reversed(self._idle) if one.origin == origin), None)) is not None:
            self._idle.remove(kept)
            if kept.free:
                return kept
            await kept.close()
        return await connect(self._backend, origin)

    async def _keep(self, connection: Connection) -> None:
        """Keep it if it can take another message, and of those before it what still can."""
        self._idle.append(connection)
        ended = [one for one in self._idle if not one.fresh] or self._idle[: -self._most]
        self._idle = [one for one in self._idle if one not in ended]
        for one in ended:
            await one.close()


@asynccontextmanager
async def open_line(*, allow_private: bool, most: int) -> AsyncIterator[Line]:
    """Connections for as long as the block lasts. most: to be kept for the next message."""
    line = Line(GuardedBackend(allow_private=allow_private), most)
    try:
        yield line
    finally:
        await line.close()


@dataclass(frozen=True)
class _Target:
    """A webhook's address, taken apart. headers: those of every message to it."""

    origin: Origin
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]


@lru_cache
def _target(url: str) -> _Target:
    """Taken apart once: a receiver is called many times."""
    parts = httpx2.URL(url)
    sent = {"content-type": "application/cloudevents+json", "user-agent": "Rollcall", "accept": "*/*"}
    return _Target(
        Origin(parts.scheme, parts.raw_host.decode(), port_of(parts)),
        parts.raw_path or b"/",
        [(b"host", parts.netloc), *((name.encode(), value.encode()) for name, value in sent.items())],
    )


def _understood(response: h11.Response, now: datetime) -> Reply:
    match status := response.status_code:
        case 410:
            return Reply(DeliveryCode.GONE, status)
        case 429 | 503:
            return Reply(DeliveryCode.HTTP_ERROR, status, _asked(response, now))
        case _ if 200 <= status < 300:
            return Reply(DeliveryCode.DELIVERED, status)
        case _ if 300 <= status < 400:
            return Reply(DeliveryCode.REDIRECTED, status)
    return Reply(DeliveryCode.HTTP_ERROR, status)


def _asked(response: h11.Response, now: datetime) -> timedelta:
    """What Retry-After says, in seconds or as a date (RFC 9110, 10.2.3), as far as it is heeded."""
    said = next((value for name, value in response.headers if name == b"retry-after"), b"").decode("latin-1")
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), LONGEST_ASKED.total_seconds()))
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return timedelta()
    return min(max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta()), LONGEST_ASKED)
