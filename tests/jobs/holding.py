"""Requests that wait, held by a test, and the poller that looks for them at the steps of the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.http import waiting
from shared.watching import Watch, _Watched
from tests.factories import Org

_changed = _Watched.changed


class Held:
    """Requests that wait, and the poller that looks for them: one tick for each `tick()`."""

    def __init__(self, org: Org, watch: Watch) -> None:
        self.org, self.watch = org, watch
        self._go, self._paused = asyncio.Event(), asyncio.Event()
        self.requests: list[asyncio.Task[httpx2.Response]] = []
        self.over = False
        self.asleep = 0

    async def changed(self, watched: _Watched, since: int, seconds: float) -> bool:
        """Count the request as asleep while it waits for a change, and no sooner."""
        self.asleep += 1
        try:
            return await _changed(watched, since, seconds)
        finally:
            self.asleep -= 1

    async def pause(self, _: Watch) -> None:
        self._paused.set()
        await self._go.wait()
        if not self.over:
            self._go.clear()
        else:
            await asyncio.sleep(0.005)

    async def tick(self) -> None:
        """Let the poller look once, and wait until the requests have read what they were woken for."""
        self._paused.clear()
        self._go.set()
        await asyncio.wait_for(self._paused.wait(), 10)
        await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is read: each request is answered or asleep, after its first look and its reading."""
        async with asyncio.timeout(30):
            for _ in range(5):
                await asyncio.sleep(0)
                while self.watch._running or self.watch._queued or self.watch._first_look or self.asleep < self.waiting:
                    await asyncio.sleep(0.005)

    async def hold(self, count: int, path: str, token: str) -> None:
        """Send so many requests, and wait until all of them wait."""
        before = self.waiting
        transport = httpx2.ASGITransport(app=self.org.app)
        client = httpx2.AsyncClient(transport=transport, base_url="http://test", timeout=60)
        headers = {"Authorization": f"Bearer {token}"}
        self.requests += [asyncio.create_task(client.get(path, headers=headers)) for _ in range(count)]
        async with asyncio.timeout(30):
            while self.waiting < before + count and not any(one.done() for one in self.requests):
                await asyncio.sleep(0.005)
        await self.settled()

    @property
    def waiting(self) -> int:
        return sum(watched.waiting for watched in self.watch._watched.values())

    async def answers(self) -> list[httpx2.Response]:
        return await asyncio.wait_for(asyncio.gather(*self.requests), 30)


@asynccontextmanager
async def held(org: Org, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    watch = await waiting.watch(org.parts)
    assert not watch._watched
    if watch._poller is not None:
        await watch._poller  # that of an earlier test, which ends at its next look
    made = Held(org, watch)
    with monkeypatch.context() as patch:
        patch.setattr(Watch, "pause", lambda watch: made.pause(watch))
        patch.setattr(_Watched, "changed", lambda *args: made.changed(*args))
        try:
            yield made
        finally:
            for request in made.requests:
                request.cancel()
            await asyncio.gather(*made.requests, return_exceptions=True)
            made.over = True
            made._go.set()
            if watch._poller is not None:
                await watch._poller


def run(org: Org, test: Callable[[], Awaitable[None]]) -> None:
    """Run in the event loop of the application."""
    client: TestClient = org.client()
    assert client.portal is not None
    client.portal.call(test)
