"""Blanking what members wrote about a party in the notes of its completions, when the party is erased.

A note stands in the assignment, and in what a job has kept of the assignment for its undo, which would write it back.
"""

from typing import Any

from sqlalchemy import Text, cast, literal, select, text, update
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentChange
from shared.assignments.queries import with_ids
from shared.database import current_org

_QUIET = {"synchronize_session": False}
_HAS_NOTE = text("assignment_change.former ? 'completion_note'")


def blank_notes(db: Session, party_id: str) -> None:
    """Blank the notes of a party's completions, present and kept. Its assignments are locked first, by id.

    Revisions stay, because nothing of what was completed has changed: an undo still finds the assignments untouched.
    """
    theirs = select(Assignment.id).where(Assignment.org_id == current_org(db), Assignment.party_id == party_id)
    ids = list(db.scalars(theirs.order_by(Assignment.id).with_for_update()))
    noted: tuple[Any, ...] = (*with_ids(current_org(db), ids), Assignment.completion_note.is_not(None))
    db.execute(update(Assignment).where(*noted).values(completion_note=None), execution_options=_QUIET)
    kept = (
        AssignmentChange.org_id == current_org(db),
        is_one_of(AssignmentChange.assignment_id, ids),
        _HAS_NOTE,
    )
    without = AssignmentChange.former.op("-")(cast(literal("completion_note"), Text))
    db.execute(update(AssignmentChange).where(*kept).values(former=without), execution_options=_QUIET)
