"""Lists of one party's assignments: its own, which begins with open ones, and the completed ones of a transcript."""

from datetime import date

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import Filters, matching


def list_personal(db: Session, party_id: str, today: date) -> Select[Assignment, str, str]:
    """Select the party's open assignments by due date, then the completed ones: rows as of `list_assignments`."""
    return (
        matching(db, Filters(today, party_id=party_id), None)
        .where(Assignment.state != AssignmentState.CLOSED)
        .order_by(Assignment.state, Assignment.due_key, Assignment.id)  # "assigned" sorts first
    )


def list_completed(db: Session, party_id: str) -> Select[Assignment, str, str]:
    """Select the party's completed assignments by the day on which that happened: rows as of `list_assignments`."""
    completed = Filters(date.min, party_id=party_id, state=AssignmentState.COMPLETED)
    return matching(db, completed, None).order_by(Assignment.occurred_on, Assignment.completed_at, Assignment.id)
