"""The cursors of Rollcall's own event consumers: how far each has read the events of each organization.

A consumer whose work is in the database moves its cursor in the transaction of that work. A consumer that talks to
another system reads in one transaction and moves its cursor in a later one, from the position where it began; if two
run at once, only one of them moves the cursor.
"""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import EventConsumer


def position(db: Session, consumer: str) -> int:
    """Returns the last sequence that a consumer has processed; 0 before its first event."""
    own = (EventConsumer.org_id == current_org(db), EventConsumer.name == consumer)
    return db.scalar(select(EventConsumer.last_sequence).where(*own)) or 0


def lock_position(db: Session, consumer: str) -> int | None:
    """Lock a consumer's cursor until this transaction ends, and return its position.

    Returns None if another transaction holds the lock.
    """
    own = (EventConsumer.org_id == current_org(db), EventConsumer.name == consumer)
    done = select(EventConsumer.last_sequence).where(*own)
    if db.scalar(done) is None:  # read first: an insert that conflicts with a locked row would wait for it
        db.execute(insert(EventConsumer).values(org_id=current_org(db), name=consumer).on_conflict_do_nothing())
    return db.scalar(done.with_for_update(skip_locked=True))


def advance(db: Session, consumer: str, *, since: int, to: int) -> bool:
    """Move a cursor from `since` to `to`. Returns False and moves nothing if it is no longer at `since`."""
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
    """Returns the organizations with events that a consumer has not read. The transaction needs no organization."""
    return list(db.scalars(select(func.organizations_with_unread_events(consumer))))
