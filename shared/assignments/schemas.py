"""Assignments on the wire."""

import uuid
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import is_overdue
from shared.jobs import Outcome, OutcomeCode
from shared.wire import Answer, Id, Instant, Paragraph, Received, ReceivedInstant

MAX_RECIPIENTS = 50_000


class Recipient(Received):
    """A recipient is always a party, never a member."""

    entity_type: Literal["party"]
    entity_id: Id


class AssignmentRequest(Received):
    """Assign the active version of a course to parties, named one by one, by folder, or both."""

    course_id: uuid.UUID
    recipients: list[Recipient] = Field(default=[], max_length=MAX_RECIPIENTS)
    folder_ids: list[Id] = Field(default=[], max_length=500)
    reason: Paragraph
    due_on: date | None = None
    notify: bool = True
    if_completed: Literal["assign", "skip"] = "assign"

    @model_validator(mode="after")
    def _has_recipients(self) -> Self:
        if not self.recipients and not self.folder_ids:
            raise ValueError("name at least one recipient or folder")
        return self


class Selection(Received):
    """Which assignments a bulk completion means: these, or those of a course that these parties have."""

    assignment_ids: list[uuid.UUID] | None = Field(default=None, min_length=1, max_length=MAX_RECIPIENTS)
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    recipients: list[Recipient] = Field(default=[], max_length=MAX_RECIPIENTS)
    folder_ids: list[Id] = Field(default=[], max_length=500)

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        by_party = bool(self.course_id and (self.recipients or self.folder_ids))
        if self.assignment_ids is not None:
            if self.course_id or self.course_version_id or self.recipients or self.folder_ids:
                raise ValueError("name assignmentIds, or courseId with recipients or folderIds, and not both")
        elif not by_party:
            raise ValueError("name assignmentIds, or courseId with at least one recipient or folder")
        return self


class CompletionRequest(Received):
    """occurredOn: the day it happened; today where it is left out."""

    occurred_on: date | None = None
    note: Paragraph | None = None


class BulkCompletionRequest(Selection, CompletionRequest):
    """A supervisor's sign-off of many. By course, the active version is meant where none is named."""


class AssignmentFilter(Received):
    """Open assignments by what the list can be filtered by."""

    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    folder_id: Id | None = None
    party_id: Id | None = None
    overdue: bool | None = None
    due_before: date | None = None
    due_after: date | None = None

    @model_validator(mode="after")
    def _narrows(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one thing to filter by; an empty filter would close everything")
        return self


class BulkCloseRequest(Received):
    """Close the open assignments among these, of this job, or that match this filter: one of the three."""

    assignment_ids: list[uuid.UUID] | None = Field(default=None, min_length=1, max_length=MAX_RECIPIENTS)
    job_id: uuid.UUID | None = None
    filter: AssignmentFilter | None = None
    reason: Paragraph

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if sum(way is not None for way in (self.assignment_ids, self.job_id, self.filter)) != 1:
            raise ValueError("name one of assignmentIds, jobId and filter")
        return self


class AssignmentChanges(Received):
    """What is to change; fields left out stay. A due date of null takes it away."""

    due_on: date | None = None
    reason: Paragraph = ""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name dueOn, reason or both")
        return self


class ReassignRequest(Received):
    """The other party, and why."""

    recipient: Recipient
    reason: Paragraph


class ReasonRequest(Received):
    """Why."""

    reason: Paragraph


class SessionTaskRequest(Received):
    """What an external Public Sessions system says when a party has completed its task there."""

    task_type: Literal["training_complete"]
    assignment_id: uuid.UUID
    session_id: Id
    completed_at: ReceivedInstant | None = None


class PartyReference(Answer):
    """The party, by reference and name."""

    entity_type: Literal["party"] = "party"
    entity_id: str
    display_name: str


class ActorAnswer(Answer):
    """Who did it."""

    type: str
    id: str


class CompletionAnswer(Answer):
    """How it was completed. occurredOn: the day it happened; completedAt: when it was recorded."""

    method: CompletionMethod
    by: ActorAnswer
    completed_at: Instant
    occurred_on: date
    note: str | None


class ClosureAnswer(Answer):
    """Why nothing is owed any more, and the assignment that took its place, if one did."""

    by: ActorAnswer
    closed_at: Instant
    reason: str
    reassigned_to: uuid.UUID | None


class AssignmentAnswer(Answer):
    """One party owes one course version. overdue: as of today, in the organization's time zone."""

    id: uuid.UUID
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    version_label: str
    party: PartyReference
    reason: str
    due_on: date | None
    state: AssignmentState
    overdue: bool
    assigned_by: ActorAnswer
    assigned_at: Instant
    job_id: uuid.UUID | None
    completion: CompletionAnswer | None
    closure: ClosureAnswer | None

    @classmethod
    def of(cls, row: Any, today: date) -> "AssignmentAnswer":
        """The answer for a row of `assignments.list_assignments`."""
        assignment: Assignment = row[0]
        return cls(
            id=assignment.id,
            course_id=assignment.course_id,
            course_version_id=assignment.course_version_id,
            version_label=row.version_label,
            party=PartyReference(entity_id=assignment.party_id, display_name=row.display_name),
            reason=assignment.reason,
            due_on=assignment.due_on,
            state=AssignmentState(assignment.state),
            overdue=is_overdue(assignment, today),
            assigned_by=ActorAnswer(type=assignment.assigned_by_type, id=assignment.assigned_by_id),
            assigned_at=assignment.assigned_at,
            job_id=assignment.job_id,
            completion=_completion(assignment),
            closure=_closure(assignment),
        )


def _completion(assignment: Assignment) -> CompletionAnswer | None:
    if assignment.state != AssignmentState.COMPLETED:
        return None
    return CompletionAnswer.model_validate(
        {
            "method": assignment.completion_method,
            "by": {"type": assignment.completed_by_type, "id": assignment.completed_by_id},
            "completed_at": assignment.completed_at,
            "occurred_on": assignment.occurred_on,
            "note": assignment.completion_note,
        }
    )


def _closure(assignment: Assignment) -> ClosureAnswer | None:
    if assignment.state != AssignmentState.CLOSED:
        return None
    return ClosureAnswer.model_validate(
        {
            "by": {"type": assignment.closed_by_type, "id": assignment.closed_by_id},
            "closed_at": assignment.closed_at,
            "reason": assignment.closure_reason,
            "reassigned_to": assignment.reassigned_to,
        }
    )


class PreviewOutcome(Answer):
    """How many recipients would come out so, and up to 20 of them."""

    outcome: Outcome
    code: OutcomeCode
    count: int
    examples: list[str]


class Preview(Answer):
    """What a submission would do as things are; nothing was written."""

    course_version_id: uuid.UUID
    version_label: str
    total: int
    outcomes: list[PreviewOutcome]


class SummaryAnswer(Answer):
    """How one course's or one folder's assignments stand. overdue ones are counted among the assigned too."""

    id: str
    name: str
    assigned: int
    completed: int
    closed: int
    overdue: int

    @classmethod
    def of(cls, row: Any) -> "SummaryAnswer":
        """The answer for a row of `assignments.summarize`."""
        return cls(id=str(row[0]), name=row[1], assigned=row[2], completed=row[3], closed=row[4], overdue=row[5])
