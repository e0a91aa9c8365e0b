"""Events: read the feed from any sequence on, and search, export and prove the audit log. Both have the same events."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, literal, type_coerce
from sqlalchemy.orm import Session

from shared import access, directory, events
from shared.access import Caller, Permission
from shared.database import Database
from shared.errors import Fault, InvalidInput, NotFound
from shared.events import Consistency, Event, Feed, Filters, Head, Inclusion, Lines
from shared.pagination import page
from shared.services.verbs import verb
from shared.watching import Subject, Watch, first

READS = (Permission.READ_EVENTS, Permission.ADMIN)

OF_TRAINING = tuple(
    name for name in events.TYPES if name.partition(".")[0] in ("assignment", "course", "licence", "session")
)
"""The types of events that say what the catalogue, assignments, sessions and licences show anyway."""

EXPORTED_A_PAGE = 2000


@verb(*READS)
async def read_feed(
    database: Database,
    caller: Caller,
    after: int,
    *,
    types: Sequence[str],
    party_id: str | None,
    limit: int,
    wait: float,
    watch: Watch,
) -> Feed:
    """Return the events above a sequence, in order. If there are none, wait up to `wait` seconds for the first ones.

    Each reading is a transaction of its own, and begins where the last one ended, because a caller who may see little
    would otherwise have all events above `after` read again after each change. Only requests of equal callers that
    ask for the same share one.
    """
    read_up_to = after

    def read() -> Feed:
        nonlocal read_up_to
        with database.transaction(caller.org_id) as db:
            access.get_organization(db)
            of: dict[str, Any] = {"party_id": party_id, "former_ids": _former_ids(db, party_id)}
            feed = events.feed_after(db, read_up_to, types=types, **of, within=_within(caller), limit=limit)
        if not feed.events:
            read_up_to = feed.read_up_to
        return feed

    key = caller, after, tuple(types), party_id, limit
    return await first(watch.follow(Subject(caller.org_id), key, read, wait), lambda feed: bool(feed.events))


@verb(*READS)
def search_events(db: Session, caller: Caller, filters: Filters, *, newest_first: bool) -> Select[Event]:
    """Select the events that match all filters; for a caller limited to folders, only those about parties in them.

    Those about a party are also those from when it had another id.
    """
    filters = replace(filters, former_ids=_former_ids(db, filters.party_id))
    rows = events.list_events(db, filters, newest_first=newest_first)
    within = _within(caller)
    return rows if within is None else rows.where(within)


@verb(*READS, Permission.VIEW)
def search_history(db: Session, caller: Caller, filters: Filters) -> Select[Event]:
    """Select the events about something that a page shows, the newest first, in the caller's scope.

    A caller who may not read the audit log gets those that say what the pages of training show anyway.
    """
    if search_events.may(caller):
        return search_events(db, caller, filters, newest_first=True)
    rows, within = events.list_events(db, replace(filters, types=OF_TRAINING), newest_first=True), _within(caller)
    return rows if within is None else rows.where(within)


@verb(*READS)
def get_head(db: Session, _: Caller) -> Head:
    """Return the head of the hash chain. A copy kept elsewhere proves later that no earlier event was changed."""
    return events.tree_head(db)


@verb(*READS)
def prove_event(db: Session, caller: Caller, sequence: int, size: int | None) -> Inclusion:
    """Return the proof that an event, which the caller may see, is in the tree of this size, by default the sealed one.

    Raises NotFound, NotSealed, RecordAltered.
    """
    wanted = search_events(db, caller, Filters(), newest_first=False).where(Event.sequence == sequence)
    if not db.scalar(wanted.with_only_columns(literal(True))):
        raise NotFound("event")
    (proof,) = events.prove_inclusion(db, [sequence], size or events.sealed_head(db).sequence)
    return proof


@verb(*READS)
def prove_growth(db: Session, _: Caller, first: int, second: int | None) -> Consistency:
    """Return the proof that the tree of one head, by default the sealed one, begins with that of an earlier head.

    Raises InvalidInput, NotSealed, RecordAltered.
    """
    later = second or events.sealed_head(db).sequence
    if second is not None and first > second:
        raise InvalidInput(Fault("?first", "The first tree is the smaller one."))
    return events.prove_consistency(db, first, max(first, later))


def export_events(database: Database, org_id: str, rows: Select[Event], *, chained: bool) -> Iterator[bytes]:
    """Write every one of these events as a line of JSON, a page of lines at a time.

    Each page is read in a short transaction, so memory use is constant and a slow reader holds no connection.
    chained: they are all events from the first one on, in order; each line then states its event's hash.
    """
    lines = Lines(chained=chained)
    cursor: str | None = None
    while True:
        with database.transaction(org_id) as db:
            found = page(db, rows, limit=EXPORTED_A_PAGE, cursor=cursor)
        yield b"".join(map(lines.line, found.items))
        cursor = found.next_cursor
        if cursor is None:
            return


def _former_ids(db: Session, party_id: str | None) -> list[str]:
    return [] if party_id is None else directory.former_ids(db, party_id)


def _within(caller: Caller) -> ColumnElement[bool] | None:
    """The condition that an event is about a party in the caller's scope, None for a caller who sees all."""
    if caller.folders is None:
        return None
    return directory.in_scope(type_coerce(Event.party_id, Text), caller.folders)
