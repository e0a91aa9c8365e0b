"""The dependencies that routes of both doors share: the parts of the process, the caller, a transaction, the time.

A dependency that never waits is `async`, because it then needs no change of threads.

A route of the API declares its permission with `dependencies=[allow(verb)]`; a test fails for one that does not.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import Annotated, Any

import anyio
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from api.http.parts import Parts
from shared import access, clock
from shared.access import Caller, FeatureNotAvailable, Unauthenticated
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT
from shared.services.verbs import AnyVerb


async def parts(request: Request) -> Parts:
    """Return the parts of this process."""
    made: Parts = request.app.state.parts
    return made


async def caller(request: Request) -> Caller:
    """Return the caller. The token is verified once for each request. Raises Unauthenticated, TooManyRequests."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        known = request.state.caller = await _verified(request)
        (await parts(request)).shares.rate.count(known.org_id)
    return known


async def _verified(request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send a token: `Authorization: Bearer <JWT>`.")
    tokens = (await parts(request)).tokens
    return await run_sync(tokens.verify, token.strip()) if tokens.fetches else tokens.verify(token.strip())


CurrentCaller = Annotated[Caller, Depends(caller)]
CurrentParts = Annotated[Parts, Depends(parts)]


_turns: RunVar[anyio.Semaphore] = RunVar("turns")


async def turn(made: CurrentParts) -> AsyncIterator[None]:
    """Wait, without a thread, for a turn: the right to take a connection for the transaction of this request.

    A request keeps its transaction while it changes threads, from its route to its commit. Without turns,
    requests that wait for a thread could hold all connections, while requests that wait for one hold all threads.
    There are turns for three quarters of the pool. The rest is for transactions that begin and end in one thread.
    """
    turns = _turns.get(None)
    if turns is None:
        size = made.settings.api_pool_size
        turns = anyio.Semaphore(size - max(1, size // 4))
        _turns.set(turns)
    async with turns:
        yield


Turn = Depends(turn, scope="function")


def transaction(caller: CurrentCaller, made: CurrentParts, _: Annotated[None, Turn]) -> Iterator[Session]:
    """Open a transaction for the caller's organization. It is committed before the answer is sent."""
    with made.database.transaction(caller.org_id) as db:
        yield db


Db = Annotated[Session, Depends(transaction, scope="function")]
"""`scope="function"` commits before the answer. By default the commit comes after it, and could fail after a 202."""


def known_organization(db: Db) -> None:
    """Raise OrganizationUnknown if the caller's organization was never added."""
    access.get_organization(db)


def training_available(caller: CurrentCaller, made: CurrentParts) -> None:
    """Raise FeatureNotAvailable unless the caller's organization can use training now.

    It opens its own transaction, so that a request that waits or streams holds none.
    """
    with made.database.transaction(caller.org_id) as db:
        reason = access.unavailability(access.get_organization(db), made.settings.features)
    if reason:
        raise FeatureNotAvailable(reason)


class Allow:
    """The permission that a route declares: that of its verb. Without a verb, every signed-in member may call it."""

    def __init__(self, verb: AnyVerb | None) -> None:
        self.verb = verb

    async def __call__(self, caller: CurrentCaller) -> None:
        """Raise PermissionDenied, naming the missing permission."""
        if self.verb is not None:
            self.verb.need(caller)


def allow(verb: AnyVerb | None = None) -> Any:
    """Declare the permission of a route: that of its verb, or without a verb, any signed-in member.

    The verb checks the permission again when it is called. The route checks it before, so that it reads no body from a
    caller without permission.
    """
    return Depends(Allow(verb))


MAX_BODY_BYTES = 8 * 1024 * 1024


async def _now() -> datetime:
    return clock.now()


Now = Annotated[datetime, Depends(_now)]


def _today(db: Db, now: Now) -> date:
    return access.today(db, now)


Today = Annotated[date, Depends(_today, scope="function")]
"""Today in the organization's time zone, which decides if something is overdue or in the past."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The number of items in a page.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="The `nextCursor` of the previous page.")]

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_BODY_BYTES",
    "Allow",
    "CurrentCaller",
    "CurrentParts",
    "Cursor",
    "Db",
    "Limit",
    "Now",
    "Today",
    "Turn",
    "allow",
    "caller",
    "known_organization",
    "parts",
    "training_available",
]
