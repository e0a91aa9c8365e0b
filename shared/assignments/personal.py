"""What one party owes and has done, as it sees that itself: unlike coordinators' lists, open first, nothing closed."""

from datetime import date

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import Filters, list_assignments


def list_personal(db: Session, party_id: str, today: date) -> Select[Assignment, str, str]:
    """The party's open assignments by due date, then the completed ones: rows like those of `list_assignments`."""
    return (
        list_assignments(db, Filters(today, party_id=party_id), None)
        .where(Assignment.state != AssignmentState.CLOSED)
        .order_by(None)
        .order_by(Assignment.state, Assignment.due_key, Assignment.id)  # "assigned" sorts first
    )
