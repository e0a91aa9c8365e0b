"""The requests of jobs about assignments, one model for each kind: see `shared.jobs.JobRequest`."""

import uuid
from datetime import date
from typing import Any, Literal

from pydantic import Field

from shared.jobs import JobRequest, Recipients


class CreateJob(JobRequest):
    """A job of kind `assignments.create`: assign one course version to parties.

    recipients: the number of parties that were named. folder_ids: the folders whose parties were added to them.
    named_inactive: if there were both, those of the named that were inactive at submission.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    version_label: str
    recipients: int
    folder_ids: list[str]
    named_inactive: list[str] = Field(default_factory=list)
    reason: str
    due_on: date | None
    notify: bool
    if_completed: Literal["assign", "skip"]
    if_licensed: Literal["assign", "skip"] = "assign"


class _ChangeJob(JobRequest):
    """A job that changes assignments. by: the noun of its recipients. A party stands for one of its assignments."""

    by: Recipients

    @property
    def recipients_are(self) -> Recipients:
        """The noun of the job's recipients."""
        return self.by


class CompleteJob(_ChangeJob):
    """A job of kind `assignments.complete`. course_id, course_version_id: only if its recipients are parties.

    course_version_id: None for the open assignment of whichever version. versions: `newest` of several open ones.
    """

    occurred_on: date
    note: str | None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    versions: Literal["one", "newest"] = "one"


class CloseJob(_ChangeJob):
    """A job of kind `assignments.close`."""

    reason: str


class BulkJob(_ChangeJob):
    """A job about a selection of assignments. named: False if a job or a filter selected them, not their ids."""

    named: bool = True


class ChangedValues(JobRequest):
    """The new values of a bulk change. course_id: the course to which the assignments are moved."""

    due_on: date | None = None
    reason: str | None = None
    course_id: uuid.UUID | None = None

    def given(self) -> dict[str, Any]:
        """Return the columns that get a new value: `due_on`, `reason`, both or none."""
        return {name: getattr(self, name) for name in ("due_on", "reason") if name in self.model_fields_set}


class ChangeJob(BulkJob):
    """A job of kind `assignments.change`. course_version_id: the version that was active in the other course."""

    values: ChangedValues = Field(alias="set")
    why: str
    course_version_id: uuid.UUID | None = None
    version_label: str | None = None


class ReopenJob(BulkJob):
    """A job of kind `assignments.reopen`. due_on: a new due date, if one was given; null removes it."""

    reason: str
    due_on: date | None = None


class RemindJob(BulkJob):
    """A job of kind `assignments.remind`."""


class UndoJob(_ChangeJob):
    """A job of kind `assignments.undo`. undo_of, undo_kind: the job that is undone, and its kind."""

    undo_of: uuid.UUID
    undo_kind: str
