"""The audit log: who did what to whom and when, searched and exported, and the head of its hash chain.

It has the same events as the feed. A program follows the feed from a sequence on; a person searches the audit log.
"""

import re
from typing import Annotated, Any, Literal, cast

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from api.http.dependencies import CurrentCaller, Db, allow, known_organization
from api.http.lists import EVENT_COLUMNS, AskedList
from api.http.routing import Router
from api.http.turns import in_turns
from api.v1.queries import event_types
from shared.database import ID_PATTERN
from shared.errors import Fault, InvalidInput
from shared.events import Filters, cloud_event
from shared.services import events
from shared.wire import Answer, Instant, Listing

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


async def _filters(
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    actor_type: Annotated[Literal["member", "party", "system"] | None, Query(alias="actorType")] = None,
    actor_id: Annotated[str | None, Query(alias="actorId", pattern=ID_PATTERN)] = None,
    subject: Annotated[str | None, Query(max_length=200, description="Such as assignment/<id>.")] = None,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma separated.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Events recorded at this time or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Events recorded before this time.")] = None,
) -> Filters:
    wanted = event_types(types)
    if subject is not None and not re.fullmatch(r"[a-z_]+/[A-Za-z0-9._:-]+", subject):
        raise InvalidInput(Fault("?subject", "A subject is a noun and an id, such as party/p-17."))
    return Filters(party_id, actor_type, actor_id, subject, wanted, since, until)


@router.get("/events", dependencies=[allow(events.search_events)])
def search_events(
    asked: AskedList,
    request: Request,
    filters: Annotated[Filters, Depends(_filters)],
    order: Annotated[Literal["asc", "desc"], Query(description="By sequence.")] = "asc",
) -> Listing[dict[str, Any]]:
    """The events that match all filters. `Accept: application/x-ndjson` streams all of them, one in a line.

    A caller limited to folders gets only events about parties in them.
    """
    rows = events.search_events(asked.db, asked.caller, filters, newest_first=order == "desc")
    if NDJSON in request.headers.get("accept", ""):
        org_id = asked.caller.org_id
        lines = events.export_events(asked.parts.database, org_id, rows)
        answer = StreamingResponse(in_turns(asked.parts, org_id, lines), media_type=NDJSON)
        return cast("Listing[dict[str, Any]]", answer)
    return asked.page(rows, dict[str, Any], cloud_event, name="audit-events", columns=EVENT_COLUMNS)


@router.get("/head", dependencies=[allow(events.get_head)])
def read_head(db: Db, caller: CurrentCaller) -> AuditHead:
    """The head of the hash chain. A copy kept elsewhere proves later that no earlier event was changed."""
    return AuditHead.model_validate(events.get_head(db, caller))
