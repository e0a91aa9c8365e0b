"""What a completion earns besides: the licence, where the course grants one on completion.

Called by every route that completes an assignment, before it does: licences are locked before anything is recorded.
"""

from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from shared import licences
from shared.assignments import Assignment, AssignmentState
from shared.events import Actor


def license_completion(db: Session, assignment: Assignment, actor: Actor, now: datetime) -> None:
    """License the party of a locked assignment that is about to be completed; nothing happens where it is not open."""
    if assignment.state != AssignmentState.ASSIGNED:
        return
    completed = select(
        literal(assignment.id).label("assignment_id"),
        literal(assignment.party_id).label("party_id"),
        literal(assignment.course_id).label("course_id"),
        literal(assignment.course_version_id).label("course_version_id"),
    )
    licences.grant_on_completion(db, completed, actor, now, most=1)
