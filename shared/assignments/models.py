"""The table of assignments. A row stays for good, as the record of who was assigned what, why and when."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class AssignmentState(StrEnum):
    """assigned -> completed | closed. Reopening leads from either back to assigned."""

    ASSIGNED = "assigned"
    COMPLETED = "completed"
    CLOSED = "closed"


class CompletionMethod(StrEnum):
    """The way in which an assignment was completed. The completion also names the actor.

    on_behalf: a member with `training.complete`. self: the member who represents the party. session_link: the party
    itself, through a link or an external public session. session: a completed training session.
    """

    ON_BEHALF = "on_behalf"
    SELF = "self"
    SESSION_LINK = "session_link"
    SESSION = "session"


REMINDER_DAYS = (-7, -1, 1, 7, 30)
"""The days of an open assignment's reminders, counted from its due date. A negative number is before it."""


class Assignment(Tenant, Base):
    """One party must complete one course version. due_on, occurred_on: days in the organization's time zone.

    due_key: for sorting by due date; assignments without one come last.
    revision: raised by every change; 1 for an assignment that was never changed.
    link_minted_by: the member who minted the session link with which it was completed, if one did by hand.
    public_session_id: the external session through which it was completed.
    reminders: how many of `REMINDER_DAYS` have passed. remind_on: the day of the next reminder, null for none.
    satisfied_by: if it was closed because a newer version was completed: the assignment or the session that did.
    link_epoch: raised when the assignment is closed; session links of an earlier epoch do not work.
    """

    __tablename__ = "assignment"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        ForeignKeyConstraint(["org_id", "course_version_id"], ["course_version.org_id", "course_version.id"]),
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        Index(
            "uq_assignment_open",
            "org_id",
            "course_version_id",
            "party_id",
            unique=True,
            postgresql_where=text("state = 'assigned'"),
        ),
        Index("ix_assignment_org_id_job_id_party_id", "org_id", "job_id", "party_id"),
        Index("ix_assignment_of_party", "org_id", "party_id", "id", "course_version_id", "state", "due_key"),
        Index("ix_assignment_org_id_course_version_id_state_id", "org_id", "course_version_id", "state", "id"),
        Index(
            "ix_assignment_org_id_course_version_id_state_due_key_id",
            "org_id",
            "course_version_id",
            "state",
            "due_key",
            "id",
        ),
        Index("ix_assignment_org_id_job_id_state_due_key_id", "org_id", "job_id", "state", "due_key", "id"),
        Index("ix_assignment_org_id_state_id", "org_id", "state", "id"),
        Index("ix_assignment_org_id_state_due_key_id", "org_id", "state", "due_key", "id"),
        Index("ix_assignment_remind", "org_id", "remind_on", "id", postgresql_where=text("remind_on IS NOT NULL")),
        CheckConstraint("state IN ('assigned', 'completed', 'closed')", name="state"),
        CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completion"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closure"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    course_id: Mapped[uuid.UUID]
    course_version_id: Mapped[uuid.UUID]
    party_id: Mapped[ExternalId]
    reason: Mapped[str]
    due_on: Mapped[date | None]
    due_key: Mapped[date] = mapped_column(Computed("COALESCE(due_on, '9999-12-31'::date)", persisted=True))
    state: Mapped[str] = mapped_column(server_default=AssignmentState.ASSIGNED)
    assigned_by_type: Mapped[str]
    assigned_by_id: Mapped[ExternalId]
    assigned_at: Mapped[datetime]
    job_id: Mapped[uuid.UUID | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    link_epoch: Mapped[int] = mapped_column(server_default="0")
    reminders: Mapped[int] = mapped_column(server_default="0")
    remind_on: Mapped[date | None] = mapped_column(Computed("reminder_day(state, due_on, reminders)", persisted=True))

    completion_method: Mapped[str | None]
    completed_by_type: Mapped[str | None]
    completed_by_id: Mapped[ExternalId | None]
    completed_at: Mapped[datetime | None]
    occurred_on: Mapped[date | None]
    completion_note: Mapped[str | None]
    completion_job_id: Mapped[uuid.UUID | None]
    public_session_id: Mapped[ExternalId | None]
    link_minted_by: Mapped[ExternalId | None]

    closed_by_type: Mapped[str | None]
    closed_by_id: Mapped[ExternalId | None]
    closed_at: Mapped[datetime | None]
    closure_reason: Mapped[str | None]
    reassigned_to: Mapped[uuid.UUID | None]
    satisfied_by: Mapped[uuid.UUID | None]


class AssignmentChange(Tenant, Base):
    """The values that a job found in an assignment that it closed, changed or reopened; its undo puts them back.

    revision: that of the assignment after the job; another one means that somebody has touched it since. former: the
    columns of `former.FORMER` before the job. moved_to: the assignment of another course that was made instead.
    """

    __tablename__ = "assignment_change"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        ForeignKeyConstraint(["org_id", "assignment_id"], ["assignment.org_id", "assignment.id"]),
        Index(
            "ix_assignment_change_noted",
            "org_id",
            "assignment_id",
            postgresql_where=text("former ? 'completion_note'"),
        ),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    assignment_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    former: Mapped[dict[str, Any]]
    moved_to: Mapped[uuid.UUID | None]
