"""The feed: every fact of the organization in order, to be read from any point on."""

import re
import time
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import Query, Request
from sqlalchemy import Text, type_coerce

from api.dependencies import CurrentCaller, CurrentService, allow
from api.routing import Router
from shared import access, directory, events
from shared.access import Permission
from shared.database import ID_PATTERN
from shared.errors import Fault, InvalidInput
from shared.events import Event
from shared.wire import Listing

router = Router("/v1/events", "events")

POLL_SECONDS = 0.25
LARGEST_SEQUENCE = 2**63 - 1
EVENT_TYPE = re.compile(r"[a-z_]+\.[a-z_]+")

EventsListing = Listing[dict[str, Any]]


@router.get("", dependencies=[allow(Permission.READ_EVENTS, Permission.ADMIN)])
async def read_events(
    caller: CurrentCaller,
    service: CurrentService,
    after: Annotated[int, Query(ge=0, le=LARGEST_SEQUENCE, description="The last sequence already read.")] = 0,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma separated.")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[float, Query(ge=0, le=20, description="Seconds to wait for the first event.")] = 0,
) -> EventsListing:
    """Events above `after`, in order. `nextCursor` is the `after` of the next call: up to there nothing was missed."""
    wanted = [name.strip() for name in types.split(",")] if types is not None else []
    if not all(EVENT_TYPE.fullmatch(name) for name in wanted):
        raise InvalidInput(Fault("?types", "List event types separated by commas, such as assignment.created."))

    within = None if caller.folders is None else directory.in_scope(type_coerce(Event.party_id, Text), caller.folders)

    def read() -> events.Feed:
        with service.database.transaction(caller.org_id) as db:
            access.organization(db)
            return events.after(db, after, types=wanted, party_id=party_id, within=within, limit=limit)

    deadline = time.monotonic() + wait
    feed = await run_sync(read)
    while not feed.events and (left := deadline - time.monotonic()) > 0:
        await anyio.sleep(min(POLL_SECONDS, left))
        feed = await run_sync(read)
    items = [events.cloud_event(event) for event in feed.events]
    return EventsListing(items=items, next_cursor=str(feed.read_up_to))


@router.get("/asyncapi.json", include_in_schema=False)
async def describe_events(request: Request, service: CurrentService) -> dict[str, Any]:
    """Every event type, its schema and an example, as an AsyncAPI 3.0 document. Public, as `/openapi.json` is."""
    return events.asyncapi(service.settings.public_url, request.app.version)
