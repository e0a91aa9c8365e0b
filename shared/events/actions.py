"""Recording events, in the transaction of the change they tell of.

Numbers come from the organization's counter row, which stays locked until the commit: nobody can see
number 7 before 6 is committed, and a rolled-back transaction leaves no hole. So record late: the lock
order everywhere is business rows, this counter, the job row.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import Event, EventStream


@dataclass(frozen=True)
class Actor:
    """Who did it: a `member` by id, a `party` through a session link, or the `system` on a schedule."""

    type: str
    id: str


@dataclass(frozen=True)
class Fact:
    """An event about to be recorded. `type` is past tense, `subject` is `<noun>/<id>`, `data` holds ids only."""

    type: str
    subject: str
    data: dict[str, Any] = field(default_factory=dict)
    party_id: str | None = None


def open_stream(db: Session) -> None:
    """Begin the numbering of a new organization."""
    db.execute(insert(EventStream).values(org_id=current_org(db)))


def hold(db: Session) -> None:
    """Lock the counter now, for a transaction that may lock a job row before it knows whether it will record."""
    db.execute(select(EventStream.last_sequence).where(EventStream.org_id == current_org(db)).with_for_update())


def record(db: Session, actor: Actor, now: datetime, *facts: Fact) -> None:
    """Record a few events in the order given, in two statements."""
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
    of: Select[*tuple[Any, ...]],
    data: dict[str, Any],
) -> None:
    """Record one event for each row of `of`, in two statements whatever their number.

    of: selects `subject` and `party_id`, exactly `count` rows, and where they differ in more, `data` (jsonb).
    data: what they have in common.
    """
    if count == 0:
        return
    before = _take_numbers(db, count)
    each = of.subquery()
    rows = select(
        literal(current_org(db)),
        before + func.row_number().over(),
        literal(type),
        each.c.subject,
        literal(now),
        literal(actor.type),
        literal(actor.id),
        each.c.party_id,
        literal(data, JSONB).op("||")(each.c.data) if "data" in each.c else literal(data, JSONB),
    )
    columns = [
        Event.org_id,
        Event.sequence,
        Event.type,
        Event.subject,
        Event.recorded_at,
        Event.actor_type,
        Event.actor_id,
        Event.party_id,
        Event.data,
    ]
    recorded: Any = db.execute(
        insert(Event).from_select(columns, rows, include_defaults=False), execution_options={"preserve_rowcount": True}
    )
    if recorded.rowcount != count:
        raise RuntimeError(f"{count} events of {type} were announced, {recorded.rowcount} recorded")


def _take_numbers(db: Session, count: int) -> int:
    """Take the next `count` numbers and answer the number before them."""
    last: int | None = db.scalar(
        update(EventStream)
        .where(EventStream.org_id == current_org(db))
        .values(last_sequence=EventStream.last_sequence + count)
        .returning(EventStream.last_sequence)
    )
    if last is None:
        raise LookupError("this organization has no event stream")
    return last - count
