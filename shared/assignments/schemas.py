"""Assignments in requests and answers of the API."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, WrapValidator, model_validator

from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import is_overdue
from shared.jobs import Outcome, OutcomeCode
from shared.wire import (
    MOST_ITEMS,
    About,
    Answer,
    Fields,
    Id,
    Instant,
    Paragraph,
    PartyIds,
    Received,
    ReceivedInstant,
    in_slices,
)

MAX_RECIPIENTS = MOST_ITEMS


class Recipient(Received):
    """A recipient is always a party, never a member."""

    entity_type: Literal["party"]
    entity_id: Id


Recipients = Annotated[list[str], PartyIds(Recipient, MAX_RECIPIENTS)]


AssignmentIds = Annotated[list[uuid.UUID], Field(min_length=1, max_length=MAX_RECIPIENTS), WrapValidator(in_slices)]


class AssignmentRequest(Received):
    """Assign the active version of a course to parties.

    `recipients` names parties, `folderIds` all parties of these folders; give one or both.
    ifCompleted: `skip` leaves out parties that have completed the version. ifLicensed: `skip` leaves out parties that
    hold a valid licence of the course.
    notify: false sends no mail about the new assignments.
    """

    added = frozenset({"if_licensed"})

    course_id: uuid.UUID
    recipients: Recipients = Field(default=[])
    folder_ids: list[Id] = Field(default=[], max_length=500)
    reason: Paragraph
    due_on: date | None = None
    notify: bool = True
    if_completed: Literal["assign", "skip"] = "assign"
    if_licensed: Literal["assign", "skip"] = "assign"

    @model_validator(mode="after")
    def _has_recipients(self) -> Self:
        if not self.recipients and not self.folder_ids:
            raise About("name at least one recipient or folder", "recipients")
        return self


class CompletionRequest(Received):
    """A completion. occurredOn: the day it happened, today by default."""

    occurred_on: date | None = None
    note: Paragraph | None = None


class AssignmentChanges(Received):
    """Changes of an assignment. Fields that are left out stay. A dueOn of null removes the due date."""

    due_on: date | None = None
    reason: Paragraph = ""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name dueOn, reason or both")
        return self


class ReassignRequest(Received):
    """The party that is assigned instead, and the reason."""

    recipient: Recipient
    reason: Paragraph


class ReasonRequest(Received):
    """The reason."""

    reason: Paragraph


class ReopenRequest(ReasonRequest):
    """The reason. dueOn: a new due date, needed if the former one has passed; null removes it, left out: it stays."""

    due_on: date | None = None


class SessionTaskRequest(Received):
    """The report of a Public Sessions system that a party completed its task there.

    completedAt: not in the future; the time of the request by default.
    """

    task_type: Literal["training_complete"]
    assignment_id: uuid.UUID
    session_id: Id
    completed_at: ReceivedInstant | None = None


class PartyReference(Answer):
    """A party, with its name."""

    entity_type: Literal["party"] = "party"
    entity_id: str
    display_name: str


class ActorAnswer(Answer):
    """The actor: a member, a party or the system."""

    type: str
    id: str


class CompletionAnswer(Answer):
    """The completion of an assignment. occurredOn: the day it happened. completedAt: when it was recorded.

    linkMintedBy: the member who minted the session link by hand; null for a link that the party was sent.
    """

    method: CompletionMethod
    by: ActorAnswer
    completed_at: Instant
    occurred_on: date
    note: str | None
    link_minted_by: ActorAnswer | None


class ClosureAnswer(Answer):
    """The closure of an assignment. reassignedTo: the assignment that replaces it, if it was reassigned."""

    by: ActorAnswer
    closed_at: Instant
    reason: str
    reassigned_to: uuid.UUID | None


class AssignmentAnswer(Answer):
    """An assignment: one party must complete one course version. overdue: today, in the organization's time zone."""

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

    @staticmethod
    def fields(row: Any, today: date) -> Fields:
        """The fields for a row of `assignments.list_assignments`."""
        assignment: Assignment = row[0]
        state = assignment.state
        return {
            "id": assignment.id,
            "courseId": assignment.course_id,
            "courseVersionId": assignment.course_version_id,
            "versionLabel": row.version_label,
            "party": {"entityType": "party", "entityId": assignment.party_id, "displayName": row.display_name},
            "reason": assignment.reason,
            "dueOn": assignment.due_on,
            "state": state,
            "overdue": is_overdue(assignment, today),
            "assignedBy": {"type": assignment.assigned_by_type, "id": assignment.assigned_by_id},
            "assignedAt": assignment.assigned_at,
            "jobId": assignment.job_id,
            "completion": _completion(assignment) if state == AssignmentState.COMPLETED else None,
            "closure": _closure(assignment) if state == AssignmentState.CLOSED else None,
        }

    @classmethod
    def of(cls, row: Any, today: date) -> "AssignmentAnswer":
        """The answer for a row of `assignments.list_assignments`."""
        return cls.model_validate(AssignmentAnswer.fields(row, today))


def _completion(assignment: Assignment) -> Fields:
    minted_by = assignment.link_minted_by
    return {
        "method": assignment.completion_method,
        "by": {"type": assignment.completed_by_type, "id": assignment.completed_by_id},
        "completedAt": assignment.completed_at,
        "occurredOn": assignment.occurred_on,
        "note": assignment.completion_note,
        "linkMintedBy": {"type": "member", "id": minted_by} if minted_by else None,
    }


def _closure(assignment: Assignment) -> Fields:
    return {
        "by": {"type": assignment.closed_by_type, "id": assignment.closed_by_id},
        "closedAt": assignment.closed_at,
        "reason": assignment.closure_reason,
        "reassignedTo": assignment.reassigned_to,
    }


class PreviewOutcome(Answer):
    """The number of recipients with this outcome, and the ids of up to 20 of them."""

    outcome: Outcome
    code: OutcomeCode
    count: int
    examples: list[str]


class Preview(Answer):
    """The outcomes that a submission would have now. Nothing was written."""

    course_version_id: uuid.UUID
    version_label: str
    total: int
    outcomes: list[PreviewOutcome]

    @property
    def number(self) -> int:
        """The number of those with which something would be done."""
        return sum(one.count for one in self.outcomes if one.outcome is Outcome.SUCCEEDED)


class SummaryAnswer(Answer):
    """The number of a course's or folder's assignments by state. overdue: those of the assigned that are overdue."""

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
