"""Assignments on the wire."""

import uuid
from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import is_overdue
from shared.jobs import Outcome, OutcomeCode
from shared.wire import Answer, Id, Instant, Paragraph, Received

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
    def _has_recipients(self) -> "AssignmentRequest":
        if not self.recipients and not self.folder_ids:
            raise ValueError("name at least one recipient or folder")
        return self


class PartyReference(Answer):
    """The party, by reference and name."""

    entity_type: Literal["party"] = "party"
    entity_id: str
    display_name: str


class ActorAnswer(Answer):
    """Who did it."""

    type: str
    id: str


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

    @classmethod
    def of(cls, row: Any, today: date) -> "AssignmentAnswer":
        """The answer for a row of `assignments.listed`."""
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
