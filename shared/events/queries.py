"""Reading events: in their order as a feed, and searched as the audit log that they are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select, true
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import Event, EventStream, Recorded


@dataclass(frozen=True)
class Feed:
    """Some events, and the number up to which the reader has now seen everything it asked for."""

    events: list[Event]
    read_up_to: int


@dataclass(frozen=True)
class Filters:
    """Which events are looked for; all of what is given must fit. since, until: when recorded, until excluded."""

    party_id: str | None = None
    actor_type: str | None = None
    actor_id: str | None = None
    subject: str | None = None
    types: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None


def head(db: Session) -> int:
    """The last number given out and committed."""
    return db.scalar(select(EventStream.last_sequence).where(EventStream.org_id == current_org(db))) or 0


def recorded(db: Session, *wanted: ColumnElement[bool], most: int | None = None) -> list[Recorded]:
    """The organization's events that fit, in order, for who goes through many of them."""
    columns = [getattr(Event, name) for name in Recorded._fields]
    found = select(*columns).where(Event.org_id == current_org(db), *wanted).order_by(Event.sequence).limit(most)
    return [Recorded(*row) for row in db.execute(found)]


def after(
    db: Session,
    sequence: int,
    *,
    types: Collection[str] = (),
    party_id: str | None = None,
    within: ColumnElement[bool] | None = None,
    limit: int = 500,
) -> Feed:
    """The next events above `sequence`, filtered. The head is read first: what commits later is for the next call.

    within: a further condition, for a reader who may not see all of them.
    """
    newest = head(db)
    wanted = listed(db, Filters(types=types, party_id=party_id)).where(
        Event.sequence > sequence, Event.sequence <= newest, true() if within is None else within
    )
    found = list(db.scalars(wanted.limit(limit)))
    return Feed(found, found[-1].sequence if len(found) == limit else max(newest, sequence))


def listed(db: Session, filters: Filters, *, newest_first: bool = False) -> Select[Event]:
    """The events that the filters let through, by sequence."""
    wanted = select(Event).where(Event.org_id == current_org(db))
    for column, value in (
        (Event.party_id, filters.party_id),
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
