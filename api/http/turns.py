"""Turns for what a process has few of, such as database connections: organizations take turns, whoever asks most.

A queue in the order of arrival would let an organization that sends a hundred requests at once keep every other one
waiting behind them. Written by hand: the semaphores and limiters of asyncio and anyio serve in the order of arrival.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync

from api.http.parts import Parts

ADDRESSES_AT_ONCE = 8
"""Addresses of webhooks that are looked up at a time. A lookup holds a thread until the name's server answers."""

ISSUERS_AT_ONCE = 8
"""Requests to issuers at a time. Each holds a thread until the issuer answers, which may take some seconds."""


class Turns:
    """So many turns at once, of which one organization holds at most three quarters. Belongs to one event loop.

    Among those that wait, the organization that holds the fewest turns is served next, then the one that was served
    longest ago. Requests of one organization are served in the order of their arrival.
    """

    def __init__(self, size: int) -> None:
        self.most = max(1, size - size // 4)
        self._free = size
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def taken(self, org_id: str) -> AsyncIterator[None]:
        """Wait for a turn, without a thread, and keep it for the time of the block."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(org_id, deque()).append(waiting)
        self._serve()
        try:
            await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled():  # it was served at the same moment
                self._give_back(org_id)
            raise
        try:
            yield
        finally:
            self._give_back(org_id)

    def _give_back(self, org_id: str) -> None:
        self._free += 1
        self._held[org_id] -= 1
        if not self._held[org_id]:
            del self._held[org_id]
        self._serve()

    def _serve(self) -> None:
        """Give the free turns to those that wait."""
        while self._free:
            entitled = [org_id for org_id in self._waiting if self._held[org_id] < self.most]
            if not entitled:
                return
            org_id = min(entitled, key=self._held.__getitem__)  # of equals the first, which was served longest ago
            queue = self._waiting.pop(org_id)
            first = queue.popleft()
            if queue:
                self._waiting[org_id] = queue
            if not first.cancelled():
                first.set_result(None)
                self._free -= 1
                self._held[org_id] += 1


WORKBOOKS_AT_ONCE = 4
"""Workbooks that are written at a time. Each takes a thread and much of a processor."""

_transactions: RunVar[Turns] = RunVar("transactions")
_lookups: RunVar[Turns] = RunVar("lookups")
_issuers: RunVar[Turns] = RunVar("issuers")
_workbooks: RunVar[Turns] = RunVar("workbooks")


def transactions(parts: Parts) -> Turns:
    """Return the turns for transactions of this process.

    They are for three quarters of the pool. The rest is for transactions that begin and end in one thread.
    """
    size = parts.settings.api_pool_size
    return _turns(_transactions, size - max(1, size // 4))


def lookups() -> Turns:
    """Return the turns for looking up addresses of webhooks."""
    return _turns(_lookups, ADDRESSES_AT_ONCE)


def issuers() -> Turns:
    """Return the turns for asking the issuers at which people sign in, by organization."""
    return _turns(_issuers, ISSUERS_AT_ONCE)


def workbooks() -> Turns:
    """Return the turns for writing workbooks."""
    return _turns(_workbooks, WORKBOOKS_AT_ONCE)


def _turns(kept: RunVar[Turns], size: int) -> Turns:
    turns = kept.get(None)
    if turns is None:
        turns = Turns(size)
        kept.set(turns)
    return turns


Page = TypeVar("Page")


async def in_turns(parts: Parts, org_id: str, pages: Iterator[Page]) -> AsyncIterator[Page]:
    """Yield the pages of an export. Each is read in a thread, with a turn for its transaction.

    An export whose client reads slowly holds neither a thread nor a turn meanwhile.
    """
    turns = transactions(parts)
    while True:
        async with turns.taken(org_id):
            page = await run_sync(next, pages, None)
        if page is None:
            return
        yield page
