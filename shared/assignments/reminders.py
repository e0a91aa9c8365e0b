"""Reminding of open assignments: of due dates that come near, and of those that have passed.

What is due is read from the row (`remind_on`), not from the hour at which somebody looks. So a sweep may come twice,
late or from several workers at once: a reminder is told once, and of several that fell due meanwhile only the latest.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, case, cast, func, literal, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.assignments.models import REMINDER_DAYS, Assignment
from shared.assignments.queries import with_ids
from shared.database import current_org
from shared.events import Actor

REMINDER_BATCH = 1000
"""Assignments that one transaction reminds of: it holds the event counter only for milliseconds."""

CALENDAR = Actor("system", "calendar")


@dataclass(frozen=True)
class Reminded:
    """What a batch came to. found: assignments of which a reminder was due. told: those of which one was recorded."""

    found: int
    recorded: int


def remind(db: Session, zone: str, today: date, now: datetime) -> Reminded:
    """Record a reminder for each of a batch of assignments of which one is due: the latest whose day has come.

    zone, today: the organization's. A reminder whose day had come when the assignment was made is skipped: that it was
    made says as much. Whoever is being changed at this moment waits for the next sweep.
    """
    org_id = current_org(db)
    due = (
        select(Assignment.id)
        .where(Assignment.org_id == org_id, Assignment.remind_on <= today)
        .order_by(Assignment.remind_on, Assignment.id)
        .limit(REMINDER_BATCH)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    made_on = cast(func.timezone(zone, Assignment.assigned_at), Date)
    rows = db.execute(
        update(Assignment)
        .where(Assignment.org_id == org_id, Assignment.id == due.c.id)
        .values(reminders=_came(today))
        .returning(Assignment.id, Assignment.due_on >= today, _latest_day() > made_on)
        .execution_options(synchronize_session=False)
    ).all()
    soon = [assignment_id for assignment_id, ahead, tell in rows if tell and ahead]
    over = [assignment_id for assignment_id, ahead, tell in rows if tell and not ahead]
    _record(db, "assignment.due_soon", soon, ("daysLeft", Assignment.due_on - literal(today, Date)), now)
    _record(db, "assignment.overdue", over, ("daysOver", literal(today, Date) - Assignment.due_on), now)
    return Reminded(len(rows), len(soon) + len(over))


def _came(today: date) -> ColumnElement[int]:
    """How many of an assignment's reminders have their day behind them or today."""
    came: ColumnElement[int] = literal(0)
    for days in REMINDER_DAYS:
        came = came + case((Assignment.due_on + days <= literal(today, Date), 1), else_=0)
    return came


def _latest_day() -> ColumnElement[date]:
    """The day of the latest reminder that an assignment has behind it."""
    days = case({n: literal(offset) for n, offset in enumerate(REMINDER_DAYS, start=1)}, value=Assignment.reminders)
    return cast(Assignment.due_on + days, Date)


def _record(
    db: Session, type: str, ids: Sequence[uuid.UUID], days: tuple[str, ColumnElement[Any]], now: datetime
) -> None:
    each = select(
        func.concat("assignment/", Assignment.id).label("subject"),
        Assignment.party_id,
        func.jsonb_build_object(
            "courseId",
            Assignment.course_id,
            "courseVersionId",
            Assignment.course_version_id,
            "dueOn",
            Assignment.due_on,
            *days,
        ).label("data"),
    ).where(*with_ids(current_org(db), ids))
    events.record_each(db, CALENDAR, now, type=type, count=len(ids), of=each, data={})
