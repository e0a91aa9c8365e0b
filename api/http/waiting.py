"""The dependencies of routes that wait or stream: what they share, their shares, and the end of the connection."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, MutableMapping
from typing import Annotated, Any, TypeVar
from weakref import WeakKeyDictionary

from anyio.lowlevel import RunVar
from fastapi import Depends, Query, Request
from starlette.exceptions import HTTPException

from api.http.dependencies import CurrentCaller, CurrentParts, need_training
from shared.database import Database
from shared.watching import Subject, Watch

Answer = TypeVar("Answer")

CLIENT_GONE = 499
"""The status in the metrics of a request whose client has gone. Nobody gets it."""

_watches: RunVar[MutableMapping[Database, Watch]] = RunVar("watches")


async def watch(made: CurrentParts) -> Watch:
    """Return what the waiting requests of this process share: one for each event loop and database."""
    watches = _watches.get(None)
    if watches is None:
        watches = WeakKeyDictionary()
        _watches.set(watches)
    return watches.setdefault(made.database, Watch(made.database))


CurrentWatch = Annotated[Watch, Depends(watch)]


async def training_available_to_many(caller: CurrentCaller, made: CurrentParts, watch: CurrentWatch) -> None:
    """Raise as `need_training`. Requests of an organization share the check."""
    await watch.read(Subject(caller.org_id), "availability", lambda: need_training(caller, made))


async def waiting(
    caller: CurrentCaller,
    made: CurrentParts,
    wait: Annotated[float, Query(ge=0, le=20, description="Seconds to hold the answer until there is news.")] = 0,
) -> AsyncIterator[float]:
    """Return the seconds that the caller is ready to wait. Such requests at once are limited: TooManyRequests."""
    if wait == 0:
        yield 0
        return
    with made.shares.waits.taken(caller.org_id):
        yield wait


WaitSeconds = Annotated[float, Depends(waiting)]


async def streaming(caller: CurrentCaller, made: CurrentParts) -> AsyncIterator[None]:
    """Count a stream until it has been sent. Streams at once are limited: TooManyRequests."""
    with made.shares.streams.taken(caller.org_id):
        yield


Streaming = Depends(streaming)


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what the work returns. If the client goes away first, the work is cancelled, and its share is free."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(CLIENT_GONE, "The client has gone.")
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.wait({working, gone})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
