"""The share of one organization in what a process can do at once, so that no organization takes it all.

Shares are counted in each API process by itself. `GET /v1/limits` publishes them, and a request beyond one gets 429.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio

from shared.errors import Problem

HEAVY_BYTES = 64 * 1024
"""A larger body is heavy: parsing it and writing its rows takes as long as many small requests."""

HEAVY_BODIES = 8
"""Heavy bodies of one organization that may be under way. One is read at a time, the others wait."""

HEAVY_WORK_AT_ONCE = 2
"""Heavy bodies of all organizations that are worked on at a time."""


class TooManyRequests(Problem):
    """The organization has used its share. retry_after: seconds after which it is worth trying again."""

    slug, status, title = "too-many-requests", 429, "Too many requests"

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(f"{detail} GET /v1/limits lists the limits.")
        self.retry_after = retry_after


class Share:
    """How many of one thing each organization may have at once. things: their name in the problem."""

    def __init__(self, most: int, things: str) -> None:
        self.most = most
        self._things = things
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, org_id: str) -> Iterator[None]:
        """Take one for the time of the block. Raises TooManyRequests."""
        if self._taken[org_id] >= self.most:
            raise TooManyRequests(f"Your organization has {self.most} {self._things} at once, which is the limit.")
        self._taken[org_id] += 1
        try:
            yield
        finally:
            self._taken[org_id] -= 1
            if not self._taken[org_id]:
                del self._taken[org_id]


_ROUNDING = 1e-6
"""Seconds by which a sum of fractions of a second may be wrong."""

KEPT_AT_LEAST = 10_000
"""Up to so many organizations a rate forgets none of them."""


class Rate:
    """How many requests a second each organization may send, or None for no limit. A second's worth may come at once.

    kept: for each organization the instant at which its next request would be exactly in time. One whose instant has
    passed need not be kept. It looks for these only when twice as many are kept as after the last look, so that a
    request costs the same however many organizations there are.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.kept: dict[str, float] = {}
        self._full = KEPT_AT_LEAST

    def count(self, org_id: str) -> None:
        """Count a request. Raises TooManyRequests."""
        if self.most is None:
            return
        now = time.monotonic()
        due = max(self.kept.get(org_id, now), now)
        if due - now > 1 - 1 / self.most + _ROUNDING:
            raise TooManyRequests(f"Your organization may send {self.most} requests a second.")
        if len(self.kept) >= self._full:
            self.kept = {org: at for org, at in self.kept.items() if at > now}
            self._full = max(KEPT_AT_LEAST, 2 * len(self.kept))
        self.kept[org_id] = due + 1 / self.most


class HeavyBodies:
    """Turns for heavy bodies: one of each organization is read at a time, and two of all are worked on at a time.

    The organization's turn is taken before the body is read, so that waiting bodies take no memory. The turn of all is
    taken after it was read, so that an organization that sends slowly holds up only itself.
    """

    def __init__(self) -> None:
        self.share = Share(HEAVY_BODIES, "large bodies under way")
        self._of_organization: dict[str, tuple[anyio.Lock, list[None]]] = {}
        self._of_all = anyio.Semaphore(HEAVY_WORK_AT_ONCE)

    @asynccontextmanager
    async def reading(self, org_id: str) -> AsyncIterator[None]:
        """Wait for the organization's turn, and keep it for the time of the block. Raises TooManyRequests."""
        with self.share.taken(org_id):
            turn, waiting = self._of_organization.setdefault(org_id, (anyio.Lock(), []))
            waiting.append(None)
            try:
                async with turn:
                    yield
            finally:
                waiting.pop()
                if not waiting:
                    del self._of_organization[org_id]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Wait for the turn of all, and keep it for the time of the block."""
        async with self._of_all:
            yield


class Shares:
    """The shares of this process. connections: how many it accepts; one organization may hold three fifths of them.

    requests: all requests under way, those that wait and streams among them.
    """

    def __init__(self, connections: int, requests_per_second: int | None) -> None:
        self.requests = Share(max(1, 3 * connections // 5), "requests under way")
        self.waits = Share(max(1, connections // 5), "requests that wait")
        self.streams = Share(max(1, connections // 5), "streams")
        self.heavy = HeavyBodies()
        self.rate = Rate(requests_per_second)
