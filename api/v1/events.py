"""The feed: the events of the organization in order, from any sequence on."""

from typing import Annotated, Any

from fastapi import Query, Request

from api.http.columns import EVENT_COLUMNS
from api.http.dependencies import CurrentCaller, CurrentParts, allow
from api.http.files import AskedFile
from api.http.filtering import event_types
from api.http.routing import Router
from api.http.waiting import CurrentWatch, WaitSeconds, while_connected
from shared.database import ID_PATTERN
from shared.events import EventList, asyncapi_document, cloud_event
from shared.services import events

router = Router("/v1/events", "events")

LARGEST_SEQUENCE = 2**63 - 1


@router.get("", dependencies=[allow(events.read_feed)])
async def read_events(
    request: Request,
    caller: CurrentCaller,
    parts: CurrentParts,
    watch: CurrentWatch,
    wait: WaitSeconds,
    after: Annotated[int, Query(ge=0, le=LARGEST_SEQUENCE, description="The last sequence already read.")] = 0,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma separated.")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    *,
    file: AskedFile,
) -> EventList:
    """The events above the sequence `after`, in order. Send `nextCursor` as the `after` of the next call.

    With `wait`, an answer without events is held until there is one, or for that many seconds. As CSV the last
    `sequence` is the next `after`.
    """
    wanted = event_types(types)
    feed = await while_connected(
        request,
        events.read_feed(
            parts.database, caller, after, types=wanted, party_id=party_id, limit=limit, wait=wait, watch=watch
        ),
    )
    items = [cloud_event(event) for event in feed.events]
    return file.whole(EventList(items=items, next_cursor=str(feed.read_up_to)), columns=EVENT_COLUMNS)


@router.get("/asyncapi.json", include_in_schema=False)
async def describe_events(request: Request, parts: CurrentParts) -> dict[str, Any]:
    """Every event type, its schema and an example, as an AsyncAPI 3.0 document. Public, as `/openapi.json` is."""
    return asyncapi_document(parts.settings.public_url, request.app.version)
