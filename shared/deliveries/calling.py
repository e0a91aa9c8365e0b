"""One call of a webhook: post a message, and put what came back into one of our codes.

Everything is bounded, because the other side is not ours: 3 s to connect, 15 s in all by the clock on the wall (a byte
a second keeps no call alive), 64 KiB read. Redirects are not followed, proxies from the environment not used.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

import httpcore2
import httpx2

from shared.deliveries.addresses import AddressRefused, GuardedBackend, port_of
from shared.deliveries.codes import DeliveryCode
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

    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self._pool = pool

    async def call(self, message: Message, now: datetime) -> Reply:
        """Post a message. Raises nothing that the other side could bring about."""
        heard: list[Reply] = []
        failure = DeliveryCode.CONNECTION_FAILED
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._post(message, now, heard)
        except (TimeoutError, httpcore2.TimeoutException):
            failure = DeliveryCode.TIMED_OUT
        except AddressRefused:
            failure = DeliveryCode.ADDRESS_REFUSED
        except (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.ConnectionNotAvailable,
            httpx2.InvalidURL,
            OSError,
        ):
            pass
        return heard[0] if heard else Reply(failure)

    async def _post(self, message: Message, now: datetime, heard: list[Reply]) -> None:
        host, target = _target(message.url)
        signed = headers(message.id, message.body, message.secrets, now)
        sent: dict[bytes | str, bytes | str] = {
            "host": host,
            "content-type": "application/cloudevents+json",
            "content-length": str(len(message.body)),
            "user-agent": "Rollcall",
            "accept": "*/*",
        }
        sent.update(signed)
        async with self._pool.stream("POST", target, headers=sent, content=message.body) as response:
            heard.append(_understood(response.status, dict(response.headers), now))
            with suppress(TimeoutError):
                async with asyncio.timeout(BODY_SECONDS):
                    read = 0
                    async for part in response.aiter_stream():
                        read += len(part)
                        if read > MOST_READ:
                            break


@asynccontextmanager
async def open_line(*, allow_private: bool, most: int) -> AsyncIterator[Line]:
    """Connections for as long as the block lasts, `most` at a time."""
    backend = GuardedBackend(allow_private=allow_private)
    async with httpcore2.AsyncConnectionPool(
        max_connections=most, max_keepalive_connections=most, keepalive_expiry=5, network_backend=backend
    ) as pool:
        yield Line(pool)


@lru_cache
def _target(url: str) -> tuple[bytes, httpcore2.URL]:
    """What stands in the header `Host`, and where the call goes. Taken apart once: a receiver is called many times."""
    parts = httpx2.URL(url)
    path = parts.raw_path or b"/"
    return parts.netloc, httpcore2.URL(scheme=parts.raw_scheme, host=parts.raw_host, port=port_of(parts), target=path)


def _understood(status: int, headers: Mapping[bytes, bytes], now: datetime) -> Reply:
    match status:
        case 410:
            return Reply(DeliveryCode.GONE, status)
        case 429 | 503:
            return Reply(DeliveryCode.HTTP_ERROR, status, _asked(headers, now))
        case _ if 200 <= status < 300:
            return Reply(DeliveryCode.DELIVERED, status)
        case _ if 300 <= status < 400:
            return Reply(DeliveryCode.REDIRECTED, status)
    return Reply(DeliveryCode.HTTP_ERROR, status)


def _asked(headers: Mapping[bytes, bytes], now: datetime) -> timedelta:
    """What Retry-After says, in seconds or as a date (RFC 9110, 10.2.3), as far as it is heeded."""
    said = next((value for name, value in headers.items() if name.lower() == b"retry-after"), b"").decode("latin-1")
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), LONGEST_ASKED.total_seconds()))
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return timedelta()
    return min(max(until.replace(tzinfo=until.tzinfo or UTC) - now, timedelta()), LONGEST_ASKED)
