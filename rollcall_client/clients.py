"""The two clients: one that waits and one to await. Each runs the steps of `exchange`."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx2

from rollcall_client import exchange
from rollcall_client.exchange import Sent
from rollcall_client.operations import OPERATIONS

WAIT_SECONDS = 20
TIMEOUT = 60.0


class Client:
    """The API at one address, called with one token. Raises ApiError, Unreachable. http: your own client, for tests."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        http: httpx2.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.http = http or httpx2.Client(base_url=url, timeout=TIMEOUT)
        self.http.headers["Authorization"] = f"Bearer {token}"
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return lambda *args, **given: self.send(exchange.request(name, args, given))

    def send(self, sent: Sent) -> Any:
        """Send a request, again if that helps. Returns the answer."""
        steps = exchange.steps(sent)
        got: Any = None
        while True:
            try:
                step = steps.send(got)
            except StopIteration as end:
                return end.value
            if isinstance(step, float):
                self._sleep(step)
                got = None
                continue
            try:
                got = self.http.request(step.method, step.path, params=step.query, headers=step.headers, **step.content)
            except httpx2.TransportError as error:
                got = error

    def each(self, name: str, *args: Any, **given: Any) -> Iterator[Any]:
        """Yield every item of a list, from all its pages."""
        pages = exchange.pages(name, args, given)
        sent: Sent | None = next(pages)
        while sent is not None:
            page = self.send(sent)
            yield from page["items"]
            sent = _next(pages, page)

    def wait(self, job: Mapping[str, Any]) -> Any:
        """Return a job when it has ended, or waits for approval."""
        while job["finishedAt"] is None and job["state"] != "awaiting_approval":
            job = self.read_job(job["id"], wait=WAIT_SECONDS)
        return job


class AsyncClient:
    """The same to await. http: your own client, for tests."""

    def __init__(self, url: str, token: str, *, http: httpx2.AsyncClient | None = None) -> None:
        self.http = http or httpx2.AsyncClient(base_url=url, timeout=TIMEOUT)
        self.http.headers["Authorization"] = f"Bearer {token}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return lambda *args, **given: self.send(exchange.request(name, args, given))

    async def send(self, sent: Sent) -> Any:
        """Send a request, again if that helps. Returns the answer."""
        steps = exchange.steps(sent)
        got: Any = None
        while True:
            try:
                step = steps.send(got)
            except StopIteration as end:
                return end.value
            if isinstance(step, float):
                await asyncio.sleep(step)
                got = None
                continue
            try:
                got = await self.http.request(
                    step.method, step.path, params=step.query, headers=step.headers, **step.content
                )
            except httpx2.TransportError as error:
                got = error

    async def each(self, name: str, *args: Any, **given: Any) -> AsyncIterator[Any]:
        """Yield every item of a list, from all its pages."""
        pages = exchange.pages(name, args, given)
        sent: Sent | None = next(pages)
        while sent is not None:
            page = await self.send(sent)
            for item in page["items"]:
                yield item
            sent = _next(pages, page)

    async def wait(self, job: Mapping[str, Any]) -> Any:
        """Return a job when it has ended, or waits for approval."""
        while job["finishedAt"] is None and job["state"] != "awaiting_approval":
            job = await self.read_job(job["id"], wait=WAIT_SECONDS)
        return job


def _next(pages: Generator[Sent, Any, None], page: Any) -> Sent | None:
    try:
        return pages.send(page)
    except StopIteration:
        return None
