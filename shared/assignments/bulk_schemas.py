"""Bulk acts on assignments in requests and answers of the API: the selection, what is done to it, and the preview."""

import uuid
from datetime import date
from typing import Any, Self

from pydantic import Field, model_validator

from shared.assignments.models import AssignmentState
from shared.assignments.schemas import AssignmentIds, PreviewOutcome
from shared.wire import Answer, Id, Paragraph, Received


class AssignmentFilter(Received):
    """A filter for assignments, by the parameters of their list. An assignment must fit every given field."""

    added = frozenset({"state", "job_id", "all"})

    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    folder_id: Id | None = None
    party_id: Id | None = None
    state: AssignmentState | None = None
    overdue: bool | None = None
    due_before: date | None = None
    due_after: date | None = None
    job_id: uuid.UUID | None = None
    all: bool = False

    def given(self) -> dict[str, Any]:
        """Return the fields that narrow the selection."""
        return self.model_dump(exclude_none=True, exclude={"all"})


class BulkRequest(Received):
    """Assignments: those of `assignmentIds`, of the job `jobId`, or those that match `filter` now.

    Give exactly one of the three. An empty filter means every assignment, and then needs `all`: true. exceptIds: those
    that are left out of a job or a filter.
    """

    added = frozenset({"all", "except_ids"})

    assignment_ids: AssignmentIds | None = None
    job_id: uuid.UUID | None = None
    filter: AssignmentFilter | None = None
    all: bool = False
    except_ids: AssignmentIds | None = None

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if sum(way is not None for way in (self.assignment_ids, self.job_id, self.filter)) != 1:
            raise ValueError("name one of assignmentIds, jobId and filter")
        if self.except_ids is not None and self.assignment_ids is not None:
            raise ValueError("exceptIds goes with jobId or filter; leave those out of assignmentIds instead")
        if self.filter is not None and not (self.filter.given() or self.filter.all or self.all):
            raise ValueError('name at least one thing to filter by; an empty filter needs "all": true')
        return self


class BulkCloseRequest(BulkRequest):
    """Close open assignments, for a reason."""

    reason: Paragraph


class ChangeSet(Received):
    """The new values. dueOn: null removes it. courseId: closes the assignment, and opens one of this course instead."""

    due_on: date | None = None
    reason: Paragraph = ""
    course_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set.difference(() if self.course_id else ("course_id",)):
            raise ValueError("name dueOn, reason or courseId")
        return self


class BulkChangeRequest(BulkRequest):
    """Change open assignments. why: the reason of the change itself."""

    values: ChangeSet = Field(alias="set")
    why: Paragraph


class BulkReopenRequest(BulkRequest):
    """Reopen completed and closed assignments. dueOn: a new due date; null removes it, left out: it stays."""

    reason: Paragraph
    due_on: date | None = None


class RemindRequest(BulkRequest):
    """Remind the parties of open assignments."""


class BulkPreview(Answer):
    """The outcomes that a bulk act would have now; the examples are parties. Nothing was written."""

    total: int
    outcomes: list[PreviewOutcome]
