"""Reading events in their order."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import Event, EventStream


@dataclass(frozen=True)
class Feed:
    """Some events, and the number up to which the reader has now seen everything it asked for."""

    events: list[Event]
    read_up_to: int


def head(db: Session) -> int:
    """The last number given out and committed."""
    return db.scalar(select(EventStream.last_sequence).where(EventStream.org_id == current_org(db))) or 0


def after(
    db: Session, sequence: int, *, types: Collection[str] = (), party_id: str | None = None, limit: int = 500
) -> Feed:
    """The next events above `sequence`, filtered. The head is read first: what commits later is for the next call."""
    newest = head(db)
    wanted = select(Event).where(Event.org_id == current_org(db), Event.sequence > sequence, Event.sequence <= newest)
    if types:
        wanted = wanted.where(Event.type.in_(types))
    if party_id is not None:
        wanted = wanted.where(Event.party_id == party_id)
    found = list(db.scalars(wanted.order_by(Event.sequence).limit(limit)))
    return Feed(found, found[-1].sequence if len(found) == limit else max(newest, sequence))
