"""The audit log: who did what to whom and when, searched and exported, and the head of its hash chain.

It has the same events as the feed. A program follows the feed from a sequence on; a person searches the audit log.
"""

from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse

from api.http.columns import EVENT_COLUMNS
from api.http.dependencies import CurrentCaller, Db, allow, known_organization
from api.http.filtering import EventFilters
from api.http.lists import AskedList
from api.http.routing import Router
from api.http.turns import in_turns
from shared.events import EventList, cloud_event
from shared.services import events
from shared.wire import Answer, Instant

router = Router("/v1/audit", "audit")
router.dependencies.append(Depends(known_organization, scope="function"))

NDJSON = "application/x-ndjson"


class AuditHead(Answer):
    """The end of the hash chain. Auditors keep a copy for `rollcall audit verify --expect SEQUENCE:HASH`.

    unsealed: the number of later events, which the next seal will cover.
    """

    sequence: int
    hash: str
    sealed_at: Instant | None
    unsealed: int


@router.get("/events", dependencies=[allow(events.search_events)])
def search_events(
    asked: AskedList,
    request: Request,
    filters: EventFilters,
    order: Annotated[Literal["asc", "desc"], Query(description="By sequence.")] = "asc",
) -> EventList:
    """The events that match all filters. `Accept: application/x-ndjson` streams all of them, one in a line.

    In such an export of all events, oldest first, each line also has the event's `hash` in the chain, so that
    `rollcall audit verify --file` checks it with nothing but a published head.
    A caller limited to folders gets only events about parties in them.
    """
    rows = events.search_events(asked.db, asked.caller, filters, newest_first=order == "desc")
    if NDJSON in request.headers.get("accept", ""):
        org_id = asked.caller.org_id
        chained = filters.everything and order == "asc" and asked.caller.folders is None
        lines = events.export_events(asked.parts.database, org_id, rows, chained=chained)
        answer = StreamingResponse(in_turns(asked.parts, org_id, lines), media_type=NDJSON)
        return cast("EventList", answer)
    listed = asked.page(rows, dict[str, Any], cloud_event, name="audit-events", columns=EVENT_COLUMNS)
    return cast("EventList", listed)


@router.get("/head", dependencies=[allow(events.get_head)])
def read_audit_head(db: Db, caller: CurrentCaller) -> AuditHead:
    """The head of the hash chain. A copy kept elsewhere proves later that no earlier event was changed."""
    return AuditHead.model_validate(events.get_head(db, caller))
