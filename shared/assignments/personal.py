"""The list of a party's own assignments. Unlike coordinators' lists it begins with open ones and has no closed ones."""

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
