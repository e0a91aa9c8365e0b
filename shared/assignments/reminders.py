"""Recording reminders of open assignments: before their due date, and after it.

The column `remind_on` says when the next reminder is due. So the task may run late, twice, or in several workers at
once: each reminder is recorded once. If several have become due since the last run, only the latest is recorded.
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
"""Upper bound of assignments in one transaction, so that it holds the event counter only for milliseconds."""

CALENDAR = Actor("system", "calendar")


@dataclass(frozen=True)
class Reminded:
    """The counts of a batch. found: assignments whose reminder was due. recorded: reminders that were recorded."""

    found: int
    recorded: int


def remind(db: Session, zone: str, today: date, now: datetime) -> Reminded:
    """Record reminders for a batch of assignments whose reminder is due, for each the latest that is due.

    zone, today: the organization's. A reminder that was due by the day of the assignment is skipped, because the party
    has just been notified of the assignment. Assignments that another transaction has locked are left to the next run.
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


def reminders_by(days_over: int) -> int:
    """The number of an assignment's reminders whose day has come so many days after its due date (negative: before)."""
    return sum(days <= days_over for days in REMINDER_DAYS)


def _came(today: date) -> ColumnElement[int]:
    """The number of an assignment's reminders whose day is today or earlier."""
    came: ColumnElement[int] = literal(0)
    for days in REMINDER_DAYS:
        came = came + case((Assignment.due_on + days <= literal(today, Date), 1), else_=0)
    return came


def _latest_day() -> ColumnElement[date]:
    """The day of the latest reminder that has passed."""
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
