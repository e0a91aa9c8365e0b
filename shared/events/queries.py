"""Reading events: in order as a feed, and with filters as the audit log."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.events.models import Event, EventStream, Recorded


@dataclass(frozen=True)
class Feed:
    """A page of the feed. read_up_to: the sequence up to which the reader now has every event that it asked for."""

    events: list[Event]
    read_up_to: int


@dataclass(frozen=True)
class Filters:
    """Conditions on events, all of which must hold. since, until: when the event was recorded, `until` excluded.

    former_ids: further ids of the party, under which its earlier events are.
    """

    party_id: str | None = None
    actor_type: str | None = None
    actor_id: str | None = None
    subject: str | None = None
    types: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    former_ids: Collection[str] = ()

    @property
    def everything(self) -> bool:
        """True if every event meets them."""
        return self == Filters(types=self.types) and not self.types


def head(db: Session) -> int:
    """Returns the last number taken and committed."""
    return db.scalar(select(EventStream.last_sequence).where(EventStream.org_id == current_org(db))) or 0


def recorded(db: Session, *wanted: ColumnElement[bool], most: int | None = None) -> list[Recorded]:
    """Returns the organization's events that meet the conditions, in order, as plain rows: quick for many events.

    most: upper bound of events; None: no bound.
    """
    columns = [getattr(Event, name) for name in Recorded._fields]
    found = select(*columns).where(Event.org_id == current_org(db), *wanted).order_by(Event.sequence).limit(most)
    return [Recorded(*row) for row in db.execute(found)]


def feed_after(
    db: Session,
    sequence: int,
    *,
    types: Collection[str] = (),
    party_id: str | None = None,
    former_ids: Collection[str] = (),
    within: ColumnElement[bool] | None = None,
    limit: int = 500,
) -> Feed:
    """Returns the next events above `sequence` that meet the filters, at most `limit`.

    The head is read first; events committed after that are left to the next call. within: a further condition, for a
    reader who may not see all events.
    """
    newest = head(db)
    wanted = list_events(db, Filters(types=types, party_id=party_id, former_ids=former_ids)).where(
        Event.sequence > sequence, Event.sequence <= newest, true() if within is None else within
    )
    found = list(db.scalars(wanted.limit(limit)))
    return Feed(found, found[-1].sequence if len(found) == limit else max(newest, sequence))


def list_events(db: Session, filters: Filters, *, newest_first: bool = False) -> Select[Event]:
    """Returns the select of the events that meet the filters, by sequence."""
    wanted = select(Event).where(Event.org_id == current_org(db))
    party_id = filters.party_id
    if party_id is not None and filters.former_ids:
        wanted, party_id = wanted.where(is_one_of(Event.party_id, [party_id, *filters.former_ids])), None
    for column, value in (
        (Event.party_id, party_id),
        (Event.actor_type, filters.actor_type),
        (Event.actor_id, filters.actor_id),
        (Event.subject, filters.subject),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if filters.types:
        wanted = wanted.where(Event.type.in_(filters.types))
    if filters.since is not None:
        wanted = wanted.where(Event.recorded_at >= filters.since)
    if filters.until is not None:
        wanted = wanted.where(Event.recorded_at < filters.until)
    return wanted.order_by(Event.sequence.desc() if newest_first else Event.sequence)
