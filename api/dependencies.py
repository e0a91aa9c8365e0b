"""What every route asks for: the caller, a transaction, the time, and its permission.

What waits for nothing is `async`: it then costs no change of threads.

A route declares who may call it with `dependencies=[allow(...)]`; a test fails for one that does not.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime
from typing import Annotated, Any

import anyio
from anyio.lowlevel import RunVar
from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session

from api.service import Service
from shared import access, clock
from shared.access import Caller, FeatureNotAvailable, Organization, Permission, Unauthenticated
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT


async def service(request: Request) -> Service:
    """The parts this process was made of."""
    made: Service = request.app.state.service
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
    tokens = (await service(request)).tokens
    return await run_sync(tokens.verify, token.strip()) if tokens.fetches else tokens.verify(token.strip())


CurrentCaller = Annotated[Caller, Depends(caller)]
CurrentService = Annotated[Service, Depends(service)]


_turns: RunVar[anyio.Semaphore] = RunVar("turns")


async def turn(made: CurrentService) -> AsyncIterator[None]:
    """Wait, without a thread, until a transaction of this request's own can have a connection.

    A request keeps its transaction while it changes threads, from its route to its commit. Were all connections held by
    requests that wait for a thread, and all threads by requests that wait for a connection, nothing would move. So
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


def transaction(caller: CurrentCaller, made: CurrentService, _: Annotated[None, Turn]) -> Iterator[Session]:
    """One transaction for the caller's organization, committed before the answer is sent."""
    with made.database.transaction(caller.org_id) as db:
        yield db


Db = Annotated[Session, Depends(transaction, scope="function")]
"""`scope="function"` makes the commit happen before the answer: by default it would come after, and a 202 could lie."""


def organization(db: Db) -> Organization:
    """The caller's organization. Raises OrganizationUnknown."""
    return access.organization(db)


CurrentOrganization = Annotated[Organization, Depends(organization, scope="function")]


def training_available(caller: CurrentCaller, made: CurrentService) -> None:
    """Raise FeatureNotAvailable unless the caller's organization can use training now.

    In a transaction of its own, so that a request that waits or streams holds none.
    """
    with made.database.transaction(caller.org_id) as db:
        reason = access.unavailability(access.organization(db), made.settings.features)
    if reason:
        raise FeatureNotAvailable(reason)


class Allow:
    """The permission a route declares. Of several, one is enough; of none, any signed-in member may call."""

    def __init__(self, *any_of: Permission) -> None:
        self.any_of = any_of

    async def __call__(self, caller: CurrentCaller) -> None:
        """Raise PermissionDenied, naming what is missing."""
        if self.any_of:
            caller.need(*self.any_of)


def allow(*any_of: Permission) -> Any:
    """Declare who may call a route: one of these permissions, or without any, every signed-in member."""
    return Depends(Allow(*any_of))


MAX_BODY_BYTES = 8 * 1024 * 1024


async def _now() -> datetime:
    return clock.now()


Now = Annotated[datetime, Depends(_now)]


async def _today(organization: CurrentOrganization, now: Now) -> date:
    return clock.day_in(organization.time_zone, now)


Today = Annotated[date, Depends(_today, scope="function")]
"""The organization's day: what is overdue, and what lies in the past, follows its time zone."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page holds.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="The `nextCursor` of the page before.")]

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_BODY_BYTES",
    "Allow",
    "Cursor",
    "Db",
    "CurrentCaller",
    "CurrentOrganization",
    "CurrentService",
    "Limit",
    "Now",
    "Today",
    "Turn",
    "allow",
    "training_available",
]
