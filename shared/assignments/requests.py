"""The requests of jobs about assignments, one model for each kind: see `shared.jobs.JobRequest`."""

import uuid
from datetime import date
from typing import Literal

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


class _ChangeJob(JobRequest):
    """A job that changes assignments. by: the noun of its recipients. A party stands for one of its assignments."""

    by: Recipients

    @property
    def recipients_are(self) -> Recipients:
        """The noun of the job's recipients."""
        return self.by


class CompleteJob(_ChangeJob):
    """A job of kind `assignments.complete`. course_id, course_version_id: only if its recipients are parties."""

    occurred_on: date
    note: str | None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None


class CloseJob(_ChangeJob):
    """A job of kind `assignments.close`."""

    reason: str


class UndoJob(_ChangeJob):
    """A job of kind `assignments.undo`. undo_of, undo_kind: the job that is undone, and its kind."""

    undo_of: uuid.UUID
    undo_kind: str
