"""Bulk acts on assignments in requests and answers of the API: the selection, what is done to it, and the preview."""

import uuid
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from shared.assignments.models import AssignmentState
from shared.assignments.schemas import AssignmentIds, CompletionRequest, PreviewOutcome, Recipients
from shared.jobs import Foreseen, Outcome, OutcomeCode
from shared.wire import About, Answer, Id, Paragraph, Received


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
        need_one_selection(self)
        return self


def need_one_selection(body: "BulkRequest | BulkCompletionRequest") -> None:
    """Raise ValueError unless a body selects its assignments in exactly one way."""
    if sum(way is not None for way in (body.assignment_ids, body.job_id, body.filter)) != 1:
        raise ValueError("name one of assignmentIds, jobId and filter")
    if body.except_ids is not None and body.assignment_ids is not None:
        raise ValueError("exceptIds goes with jobId or filter; leave those out of assignmentIds instead")
    if body.filter is not None and not (body.filter.given() or body.filter.all or body.all):
        raise ValueError('name at least one thing to filter by; an empty filter needs "all": true')


class BulkCompletionRequest(CompletionRequest):
    """A supervisor's sign-off of many assignments.

    Exactly one of `assignmentIds`, `jobId`, `filter` (an empty one needs `all`: true), and `courseId` with `recipients`
    or `folderIds`. exceptIds: those that are left out of a job or a filter. By course alone it means each party's open
    assignment of whichever version; a party with several fails with `several-open-versions`, unless versions is
    `newest`: then the newest is completed and the others are closed. occurredOn: the day it happened, today by default.
    """

    added = frozenset({"versions", "job_id", "filter", "all", "except_ids"})

    assignment_ids: AssignmentIds | None = None
    job_id: uuid.UUID | None = None
    filter: AssignmentFilter | None = None
    all: bool = False
    except_ids: AssignmentIds | None = None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    recipients: Recipients = Field(default=[])
    folder_ids: list[Id] = Field(default=[], max_length=500)
    versions: Literal["one", "newest"] = "one"

    @property
    def selected(self) -> BulkRequest | None:
        """The selection, as in every bulk act; None for a completion by course and parties."""
        names = ("assignment_ids", "job_id", "filter", "all", "except_ids")
        given = {name: getattr(self, name) for name in names if name in self.model_fields_set}
        return BulkRequest.model_construct(set(given), **given) if self._ways else None

    @property
    def _ways(self) -> int:
        return sum(way is not None for way in (self.assignment_ids, self.job_id, self.filter))

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if self._ways == 0 and not (self.course_id and (self.recipients or self.folder_ids)):
            raise ValueError("name assignmentIds, jobId or filter, or courseId with at least one recipient or folder")
        if self._ways and (self.course_id or self.course_version_id or self.recipients or self.folder_ids):
            raise ValueError(
                "name assignmentIds, jobId or filter, or courseId with recipients or folderIds, and not both"
            )
        if self._ways:
            need_one_selection(self)
        if self.versions == "newest" and (self.course_id is None or self.course_version_id is not None):
            raise ValueError("versions goes with courseId alone, without assignmentIds and courseVersionId")
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
            raise About("name dueOn, reason or courseId", "dueOn")
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

    @property
    def number(self) -> int:
        """The number of those with which something would be done."""
        return sum(one.count for one in self.outcomes if one.outcome is Outcome.SUCCEEDED)

    @classmethod
    def of(cls, foreseen: Foreseen, examples: int = 20) -> Self:
        """Return the counts of what was foreseen of each recipient, the largest first."""
        by_code: dict[OutcomeCode, list[str]] = {}
        for named, code in foreseen:
            by_code.setdefault(code, []).append(named)
        largest_first = sorted(by_code.items(), key=lambda pair: (-len(pair[1]), pair[0]))
        outcomes = [
            PreviewOutcome(outcome=code.outcome, code=code, count=len(each), examples=each[:examples])
            for code, each in largest_first
        ]
        return cls(total=len(foreseen), outcomes=outcomes)
