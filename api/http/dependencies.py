"""The dependencies that routes of both doors share: the parts of the process, the caller, a transaction, the time.

A dependency that waits for nothing is `async`: it then costs no change of threads.

A route of the API declares who may call it with `dependencies=[allow(verb)]`; a test fails for one that does not.
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
    """The parts of this process."""
    made: Parts = request.app.state.parts
    return made


async def caller(request: Request) -> Caller:
    """The verified caller, verified once a request. Raises Unauthenticated."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        known = request.state.caller = await _verified(request)
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
    """Wait, without a thread, until a transaction of this request's own can have a connection.

    A request keeps its transaction while it changes threads, from its route to its commit. If requests that wait for a
    thread held all connections, and requests that wait for a connection held all threads, nothing would move. So
    transactions that change threads get three quarters of the pool; what begins and ends in one thread has the rest.
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
    """One transaction for the caller's organization, committed before the answer is sent."""
    with made.database.transaction(caller.org_id) as db:
        yield db


Db = Annotated[Session, Depends(transaction, scope="function")]
"""`scope="function"` makes the commit happen before the answer: by default it would come after, and a 202 could lie."""


def known_organization(db: Db) -> None:
    """Raise OrganizationUnknown for a caller of an organization that was never added."""
    access.get_organization(db)


def training_available(caller: CurrentCaller, made: CurrentParts) -> None:
    """Raise FeatureNotAvailable unless the caller's organization can use training now.

    In a transaction of its own, so that a request that waits or streams holds none.
    """
    with made.database.transaction(caller.org_id) as db:
        reason = access.unavailability(access.get_organization(db), made.settings.features)
    if reason:
        raise FeatureNotAvailable(reason)


class Allow:
    """The permission that a route declares: its verb's. Without a verb any signed-in member may call it."""

    def __init__(self, verb: AnyVerb | None) -> None:
        self.verb = verb

    async def __call__(self, caller: CurrentCaller) -> None:
        """Raise PermissionDenied, naming what is missing."""
        if self.verb is not None:
            self.verb.need(caller)


def allow(verb: AnyVerb | None = None) -> Any:
    """Declare who may call a route: those who may call this verb, or without one, every signed-in member.

    The verb asks again when it is called. The route asks first so that it need not read the body of a caller who may
    not send one.
    """
    return Depends(Allow(verb))


MAX_BODY_BYTES = 8 * 1024 * 1024


async def _now() -> datetime:
    return clock.now()


Now = Annotated[datetime, Depends(_now)]


def _today(db: Db, now: Now) -> date:
    return access.today(db, now)


Today = Annotated[date, Depends(_today, scope="function")]
"""The organization's day: what is overdue, and what lies in the past, follows its time zone."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page holds.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="The `nextCursor` of the page before.")]

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
