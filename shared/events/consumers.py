"""How far our own consumers of events have read: a cursor for each of them and organization.

A consumer that works in the database moves its cursor in the transaction of its work. One that talks to something
else in between reads in one transaction and moves in another, from where it began: of two at once, one moves it.
"""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import EventConsumer


def position(db: Session, consumer: str) -> int:
    """The last sequence that a consumer has done with; 0 before its first."""
    own = (EventConsumer.org_id == current_org(db), EventConsumer.name == consumer)
    return db.scalar(select(EventConsumer.last_sequence).where(*own)) or 0


def hold_position(db: Session, consumer: str) -> int | None:
    """The last sequence that a consumer has done with, which nobody else can move until this transaction ends. None
    where another holds it."""
    own = (EventConsumer.org_id == current_org(db), EventConsumer.name == consumer)
    done = select(EventConsumer.last_sequence).where(*own)
    if db.scalar(done) is None:  # asked first: an insert that meets a held row would wait for it
        db.execute(insert(EventConsumer).values(org_id=current_org(db), name=consumer).on_conflict_do_nothing())
    return db.scalar(done.with_for_update(skip_locked=True))


def advance(db: Session, consumer: str, *, since: int, to: int) -> bool:
    """Move a cursor from `since` to `to`. False, and nothing moved, where another has moved it meanwhile."""
    row = {"org_id": current_org(db), "name": consumer}
    if since == 0:
        db.execute(insert(EventConsumer).values(**row, last_sequence=0).on_conflict_do_nothing())
    moved = db.scalar(
        update(EventConsumer)
        .where(
            EventConsumer.org_id == row["org_id"],
            EventConsumer.name == consumer,
            EventConsumer.last_sequence == since,
        )
        .values(last_sequence=to)
        .returning(EventConsumer.last_sequence)
    )
    return moved is not None


def organizations_with_unread_events(db: Session, consumer: str) -> list[str]:
    """The organizations whose events a consumer has not read to the end. Needs no organization of its own."""
    return list(db.scalars(select(func.organizations_with_unread_events(consumer))))
