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
from shared.events import EventList, Head, cloud_event
from shared.services import events
from shared.wire import Answer, Instant

router = Router("/v1/audit", "audit")
router.dependencies.append(Depends(known_organization, scope="function"))

NDJSON = "application/x-ndjson"


class AuditHead(Answer):
    """The end of the hash chain. Auditors keep a copy for `rollcall audit verify --expect SEQUENCE:HASH`.

    unsealed: the number of later events, which the next seal will cover. treeSize, rootHash: the tree of RFC 6962 over
    events 1 to `sequence`; null before the first seal, and after an upgrade until the tree has grown over all of them.
    """

    sequence: int
    hash: str
    sealed_at: Instant | None
    unsealed: int
    tree_size: int | None
    root_hash: str | None

    @classmethod
    def of(cls, head: Head) -> "AuditHead":
        """The head as JSON."""
        return cls(
            sequence=head.sequence,
            hash=head.hash,
            sealed_at=head.sealed_at,
            unsealed=head.unsealed,
            tree_size=head.sequence if head.root else None,
            root_hash=head.root,
        )


class InclusionProof(Answer):
    """The proof that an event is in the tree of a head: RFC 6962, 2.1.1; all hashes in hexadecimal digits.

    form: the event in the form that is hashed. path: the hashes beside it, from the leaf up to the root.
    """

    sequence: int
    form: str
    tree_size: int
    root_hash: str
    path: list[str]


class ConsistencyProof(Answer):
    """The proof that the tree of the second head begins with that of the first: RFC 6962, 2.1.2."""

    first_tree_size: int
    second_tree_size: int
    first_root_hash: str
    second_root_hash: str
    path: list[str]


Number = Annotated[int, Query(ge=1, le=2**63 - 1)]
TreeSize = Annotated[
    int | None, Query(ge=1, le=2**63 - 1, description="`treeSize` of a head. Default: that of the head now.")
]


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
    return AuditHead.of(events.get_head(db, caller))


@router.get("/inclusion", dependencies=[allow(events.prove_event)])
def prove_inclusion(
    sequence: Number, db: Db, caller: CurrentCaller, tree_size: Annotated[TreeSize, Query(alias="treeSize")] = None
) -> InclusionProof:
    """The proof that one event is in the tree of a head, in about a kilobyte."""
    return InclusionProof.model_validate(events.prove_event(db, caller, sequence, tree_size))


@router.get("/consistency", dependencies=[allow(events.prove_growth)])
def prove_consistency(first: Number, db: Db, caller: CurrentCaller, second: TreeSize = None) -> ConsistencyProof:
    """The proof that nothing of an earlier head was changed in a later one. first, second: sizes of their trees."""
    return ConsistencyProof.model_validate(events.prove_growth(db, caller, first, second))
