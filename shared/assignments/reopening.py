"""Making an open assignment of an ended one: the columns that are cleared, and what stands in the way.

`actions.reopen` does it to one, `work` to many at once.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from shared.assignments.models import Assignment, AssignmentState

ENDINGS = (
    "completion_method",
    "completed_by_type",
    "completed_by_id",
    "completed_at",
    "occurred_on",
    "completion_note",
    "completion_job_id",
    "public_session_id",
    "closed_by_type",
    "closed_by_id",
    "closed_at",
    "closure_reason",
    "reassigned_to",
)
"""The columns that say how an assignment ended; an open one has none of them."""

REOPENED: dict[Any, Any] = {getattr(Assignment, name): None for name in ENDINGS} | {
    Assignment.state: AssignmentState.ASSIGNED
}
"""The values of an assignment that is open again."""


def another_is_open() -> ColumnElement[bool]:
    """The condition that the party has another open assignment of the version: there can be only one."""
    other = aliased(Assignment)
    return exists().where(
        other.org_id == Assignment.org_id,
        other.course_version_id == Assignment.course_version_id,
        other.party_id == Assignment.party_id,
        other.state == AssignmentState.ASSIGNED,
    )
