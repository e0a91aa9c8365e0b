"""The dependencies that routes of both doors share: the parts of the process, the caller, a transaction, the time.

A dependency that never waits is `async`, because it then needs no change of threads.

A route of the API declares its permission with `dependencies=[allow(verb)]`; a test fails for one that does not.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import date, datetime
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy.orm import Session

from api.http.parts import Parts
from api.http.turns import lookups, transactions
from shared import access, clock
from shared.access import Caller, Organization, Unauthenticated
from shared.pagination import DEFAULT_LIMIT, MAX_LIMIT
from shared.services.verbs import AnyVerb


async def parts(request: Request) -> Parts:
    """Return the parts of this process."""
    made: Parts = request.app.state.parts
    return made


async def caller(request: Request) -> Caller:
    """Return the caller. The token is verified once for each request. Raises Unauthenticated, TooManyRequests."""
    known: Caller | None = getattr(request.state, "caller", None)
    return known or await admit(request, await _verified(request))


async def admit(request: Request, known: Caller) -> Caller:
    """Make somebody the caller of a request: whom its token names, or the sign-in of a page. Raises TooManyRequests.

    From here to the end of its answer the request counts among those of its organization.
    """
    request.state.caller = known
    shares = (await parts(request)).shares
    shares.rate.count(known.org_id)
    whole_request: AsyncExitStack = request.scope[OF_REQUEST]
    whole_request.enter_context(shares.requests.taken(known.org_id))
    return known


OF_REQUEST = "fastapi_inner_astack"
"""Where FastAPI keeps the stack that it closes after it has sent the answer, also that of a stream."""


OF_FUNCTION = "fastapi_function_astack"
"""Where FastAPI keeps the stack of `scope="function"`, which it closes after the route's handler has returned."""


async def roll_back(request: Request, error: Exception) -> None:
    """End the dependencies of a route with the error that it has raised, so that its transaction is rolled back.

    For a handler that answers the error itself. FastAPI would otherwise see no error, and commit what was half done.
    A plan has ended them by then.
    """
    stack: AsyncExitStack | None = request.scope.get(OF_FUNCTION)
    if stack is not None:
        with suppress(type(error)):
            await stack.__aexit__(type(error), error, error.__traceback__)


async def _verified(request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send a token: `Authorization: Bearer <JWT>`.")
    tokens, token = (await parts(request)).tokens, token.strip()
    if known := tokens.known(token):
        return known
    return await run_sync(tokens.verify, token) if tokens.fetches else tokens.verify(token)


CurrentCaller = Annotated[Caller, Depends(caller)]
CurrentParts = Annotated[Parts, Depends(parts)]


async def turn(caller: CurrentCaller, made: CurrentParts) -> AsyncIterator[None]:
    """Wait, without a thread, for a turn: the right to take a connection for the transaction of this request.

    A request keeps its transaction while it changes threads, from its route to its commit. Without turns,
    requests that wait for a thread could hold all connections, while requests that wait for one hold all threads.
    """
    async with transactions(made).taken(caller.org_id):
        yield


Turn = Depends(turn, scope="function")


async def visitors_turn(made: CurrentParts) -> AsyncIterator[None]:
    """Wait for a turn as `turn` does, for a request without a token. Visitors take turns as if of one organization."""
    async with transactions(made).taken(""):
        yield


VisitorsTurn = Depends(visitors_turn, scope="function")


async def lookup(caller: CurrentCaller) -> AsyncIterator[None]:
    """Wait for a turn to look up the address of a webhook, which may hold a thread for many seconds."""
    async with lookups().taken(caller.org_id):
        yield


Lookup = Depends(lookup, scope="function")


READS = "rollcall.reads"
"""Stands in the scope of a request that a plan answers, on the event loop."""


async def organization_of(request: Request, caller: CurrentCaller, made: CurrentParts) -> Organization | None:
    """Return the organization of a request that only reads, None for others and for an unknown organization.

    Nearly every such request needs it: to know if training is available, and which day it is. A page's request knows
    it already, from its sign-in.
    """
    if READS not in request.scope:
        return None
    return await own_organization(request, caller, made)


async def own_organization(request: Request, caller: Caller, made: Parts) -> Organization | None:
    """Return the caller's organization, read once for each request, None if it was never added."""
    if not hasattr(request.state, "organization"):
        request.state.organization = await access.ask_organization(made.database, caller.org_id)
    known: Organization | None = request.state.organization
    return known


OfReading = Annotated[Organization | None, Depends(organization_of)]


async def transaction(
    request: Request, caller: CurrentCaller, made: CurrentParts, organization: OfReading, _: Annotated[None, Turn]
) -> AsyncIterator[Session]:
    """Open a transaction for the caller's organization. It is committed before the answer is sent.

    For a request that only reads, it is a session that reads on the event loop instead (`shared.reading`).
    """
    if READS in request.scope:
        with access.reading(made.database, caller.org_id, organization) as db:
            yield db
    else:
        async with contextmanager_in_threadpool(made.database.transaction(caller.org_id)) as db:
            yield db


Db = Annotated[Session, Depends(transaction, scope="function")]
"""`scope="function"` commits before the answer. By default the commit comes after it, and could fail after a 202."""


def known_organization(db: Db) -> None:
    """Raise OrganizationUnknown if the caller's organization was never added."""
    access.get_organization(db)


def need_training(caller: Caller, made: Parts) -> None:
    """Raise FeatureNotAvailable unless the caller's organization can use training now.

    It opens its own transaction, so that a request that waits or streams holds none.
    """
    with made.database.transaction(caller.org_id) as db:
        organization = access.get_organization(db)
    access.need_available(organization, made.settings.features)


async def training_available(
    request: Request, caller: CurrentCaller, made: CurrentParts, organization: OfReading
) -> None:
    """Raise as `need_training`. The turn is given back before that of the request's own transaction is taken."""
    known = organization if READS in request.scope else getattr(request.state, "organization", None)
    if known is not None or READS in request.scope:
        access.need_available(known, made.settings.features)
        return
    async with transactions(made).taken(caller.org_id):
        await run_sync(need_training, caller, made)


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


def _zone(db: Db) -> str:
    return access.get_organization(db).time_zone


Zone = Annotated[str, Depends(_zone, scope="function")]
"""The organization's time zone, in which a day in a request is meant."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The number of items in a page.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="The `nextCursor` of the previous page.")]

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_BODY_BYTES",
    "Allow",
    "admit",
    "CurrentCaller",
    "CurrentParts",
    "Cursor",
    "Db",
    "Limit",
    "Lookup",
    "Now",
    "OF_REQUEST",
    "roll_back",
    "Today",
    "Turn",
    "VisitorsTurn",
    "Zone",
    "allow",
    "caller",
    "known_organization",
    "need_training",
    "own_organization",
    "parts",
    "READS",
    "training_available",
]
