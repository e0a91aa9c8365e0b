"""Recording events, in the transaction of the change that they describe.

Numbers come from the organization's counter row, which stays locked until the commit. So no reader can see number 7
before 6 is committed, and a rolled-back transaction leaves no hole. Record late in a transaction: the lock order
everywhere is business rows, this counter row, the job row.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, TextualSelect, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import Event, EventStream


@dataclass(frozen=True)
class Actor:
    """The actor of an event: a `member` by id, a `party` through a session link, or the `system` on a schedule."""

    type: str
    id: str


@dataclass(frozen=True)
class Fact:
    """An event to be recorded. type: in the past tense. subject: `<noun>/<id>`. data: ids only, no names or links."""

    type: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    party_id: str | None = None


def open_stream(db: Session) -> None:
    """Create the counter row of a new organization."""
    db.execute(insert(EventStream).values(org_id=current_org(db)))


def lock_counter(db: Session) -> None:
    """Lock the counter row now: for a transaction that must lock a job row before it knows if it will record events."""
    db.execute(select(EventStream.last_sequence).where(EventStream.org_id == current_org(db)).with_for_update())


def record(db: Session, actor: Actor, now: datetime, *facts: Fact) -> None:
    """Record a few events in the given order, with two statements."""
    if not facts:
        return
    before = _take_numbers(db, len(facts))
    db.execute(
        insert(Event),
        [
            {
                "org_id": current_org(db),
                "sequence": before + n,
                "type": fact.type,
                "subject": fact.subject,
                "recorded_at": now,
                "actor_type": actor.type,
                "actor_id": actor.id,
                "party_id": fact.party_id,
                "data": fact.data,
            }
            for n, fact in enumerate(facts, start=1)
        ],
    )


def record_each(
    db: Session,
    actor: Actor,
    now: datetime,
    *,
    type: str,
    count: int,
    of: Select[*tuple[Any, ...]] | TextualSelect,
    data: dict[str, Any],
) -> None:
    """Record one event for each row of `of`, with two statements whatever their number.

    of: selects exactly `count` rows of `subject` and `party_id`, and also `data` (jsonb) if the events' data differ.
    data: the data that all the events share.
    """
    if count == 0:
        return
    before = _take_numbers(db, count)
    each, shared = of.subquery(), literal(data, JSONB)
    own = each.c.data if "data" in each.c else None
    values: dict[str, ColumnElement[Any]] = {
        "org_id": literal(current_org(db)),
        "sequence": before + func.row_number().over(),
        "type": literal(type),
        "subject": each.c.subject,
        "recorded_at": literal(now),
        "actor_type": literal(actor.type),
        "actor_id": literal(actor.id),
        "party_id": each.c.party_id,
        "data": shared if own is None else shared.op("||")(own) if data else own,
    }
    rows = insert(Event).from_select(list(values), select(*values.values()), include_defaults=False)
    recorded: Any = db.execute(rows, execution_options={"preserve_rowcount": True})
    if recorded.rowcount != count:
        raise RuntimeError(f"{count} events of {type} were announced, {recorded.rowcount} recorded")


def _take_numbers(db: Session, count: int) -> int:
    """Take the next `count` numbers, which locks the counter row. Returns the number before them."""
    last: int | None = db.scalar(
        update(EventStream)
        .where(EventStream.org_id == current_org(db))
        .values(last_sequence=EventStream.last_sequence + count)
        .returning(EventStream.last_sequence)
    )
    if last is None:
        raise LookupError("this organization has no event stream")
    return last - count
