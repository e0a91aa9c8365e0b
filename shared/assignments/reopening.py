"""The values of a reopened assignment, and the condition that prevents reopening.

`actions.reopen` reopens one assignment, `work` many at once.
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
    "link_minted_by",
    "closed_by_type",
    "closed_by_id",
    "closed_at",
    "closure_reason",
    "reassigned_to",
    "satisfied_by",
)
"""The columns of a completion or closure. They are null in an open assignment."""

REOPENED: dict[Any, Any] = {getattr(Assignment, name): None for name in ENDINGS} | {
    Assignment.state: AssignmentState.ASSIGNED
}
"""The values of a reopened assignment."""


def another_is_open() -> ColumnElement[bool]:
    """The condition that the party has another open assignment of the version. At most one may be open."""
    other = aliased(Assignment)
    return exists().where(
        other.org_id == Assignment.org_id,
        other.course_version_id == Assignment.course_version_id,
        other.party_id == Assignment.party_id,
        other.state == AssignmentState.ASSIGNED,
    )
