"""The audit log: who did what to whom and when, searched and exported, and the head of its hash chain.

It reads the same events as the feed. The feed is followed from a sequence on; this is asked for what is known already.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime
from sqlalchemy import Select, Text, type_coerce

from api.dependencies import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CurrentOrganization,
    CurrentService,
    Cursor,
    Db,
    Limit,
    allow,
)
from api.events import EventsListing
from api.exports import ROWS_A_PAGE
from api.routing import Router
from shared import directory, events
from shared.access import Permission
from shared.database import ID_PATTERN, Database
from shared.errors import Fault, InvalidInput
from shared.events import Event, Filters
from shared.pagination import page
from shared.wire import Answer, Instant

router = Router("/v1/audit", "audit")

READS = (Permission.READ_EVENTS, Permission.ADMIN)
NDJSON = "application/x-ndjson"


class AuditHead(Answer):
    """How far the chain goes: what an auditor writes down, for `rollcall audit verify --expect SEQUENCE:HASH`.

    unsealed: events recorded since, which the next seal will cover.
    """

    sequence: int
    hash: str
    sealed_at: Instant | None
    unsealed: int


def _filters(
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    actor_type: Annotated[Literal["member", "party", "system"] | None, Query(alias="actorType")] = None,
    actor_id: Annotated[str | None, Query(alias="actorId", pattern=ID_PATTERN)] = None,
    subject: Annotated[str | None, Query(max_length=200, description="Such as assignment/<id>.")] = None,
    types: Annotated[str | None, Query(max_length=2000, description="Event types, comma separated.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Recorded then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Recorded before.")] = None,
) -> Filters:
    wanted = [name.strip() for name in types.split(",")] if types is not None else []
    if not all(re.fullmatch(r"[a-z_]+\.[a-z_]+", name) for name in wanted):
        raise InvalidInput(Fault("?types", "List event types separated by commas, such as assignment.created."))
    if subject is not None and not re.fullmatch(r"[a-z_]+/[A-Za-z0-9._:-]+", subject):
        raise InvalidInput(Fault("?subject", "A subject is a noun and an id, such as party/p-17."))
    return Filters(party_id, actor_type, actor_id, subject, wanted, since, until)


@router.get("/events", dependencies=[allow(*READS)])
def search_events(
    db: Db,
    caller: CurrentCaller,
    _: CurrentOrganization,
    service: CurrentService,
    request: Request,
    filters: Annotated[Filters, Depends(_filters)],
    order: Annotated[Literal["asc", "desc"], Query(description="By sequence.")] = "asc",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """The events that fit all filters. `Accept: application/x-ndjson` streams every one of them, a line each.

    A caller who sees only some folders finds what is about their parties, and nothing else.
    """
    rows = events.listed(db, filters, newest_first=order == "desc")
    if caller.folders is not None:
        rows = rows.where(directory.in_scope(type_coerce(Event.party_id, Text), caller.folders))
    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(ndjson(service.database, caller.org_id, rows), media_type=NDJSON)
    found = page(db, rows, limit=limit, cursor=cursor)
    return EventsListing(items=[events.cloud_event(event) for event in found.items], next_cursor=found.next_cursor)


@router.get("/head", dependencies=[allow(*READS)])
def read_head(db: Db, _: CurrentOrganization) -> AuditHead:
    """The head of the hash chain. Written down elsewhere, it proves later that nothing before it was rewritten."""
    return AuditHead.model_validate(events.sealed_head(db))


def ndjson(database: Database, org_id: str, rows: Select[Event]) -> Iterator[bytes]:
    """Every one of these events as a line of JSON, some lines at a time.

    Each page is a short transaction, so memory stays flat and a slow reader holds no connection.
    """
    cursor: str | None = None
    while True:
        with database.transaction(org_id) as db:
            found = page(db, rows, limit=ROWS_A_PAGE, cursor=cursor)
        yield b"".join(orjson.dumps(events.cloud_event(event)) + b"\n" for event in found.items)
        cursor = found.next_cursor
        if cursor is None:
            return
