"""Sessions: scheduled sittings of a course version, each with its roster."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class SessionMode(StrEnum):
    """The way a session is held. It must be the course's mode, unless that is `flex`."""

    ONLINE = "online"
    IN_PERSON = "in_person"


class SessionState(StrEnum):
    """scheduled -> completing -> completed, or scheduled -> cancelled.

    completing: completion was accepted, the roster is frozen, and the job has not ended. A job that is rejected, or
    cancelled before it did anything, leads back to scheduled.
    """

    SCHEDULED = "scheduled"
    COMPLETING = "completing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Attendance(StrEnum):
    """The attendance of a party on the roster. Only parties that attended are licensed."""

    ATTENDED = "attended"
    ABSENT = "absent"
    EXCUSED = "excused"


class TrainingSession(Tenant, Base):
    """A scheduled sitting of a course version. In names, `session` always means this, and `db` the database session.

    time_zone: the zone in which its times are shown. capacity: upper bound of parties on the roster, null for none.
    revision: raised by every change of the session; its ETag. roster_revision: raised by every change of its roster
    before the completion. Both together make the calendar file's SEQUENCE. stamped_at: the file's DTSTAMP; null:
    updated_at.
    completed_at: when completion was accepted; also the `grantedAt` of every licence of the session.
    completed_by_type, completed_by_id: the actor that completed it. completion_job_id: the job of the completion.
    """

    __tablename__ = "training_session"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "course_id"], ["course.org_id", "course.id"]),
        ForeignKeyConstraint(["org_id", "course_version_id"], ["course_version.org_id", "course_version.id"]),
        ForeignKeyConstraint(["org_id", "completion_job_id"], ["job.org_id", "job.id"]),
        Index("ix_training_session_org_id_starts_at_id", "org_id", "starts_at", "id"),
        Index("ix_training_session_org_id_course_id_starts_at", "org_id", "course_id", "starts_at"),
        CheckConstraint("mode IN ('online', 'in_person')", name="mode"),
        CheckConstraint("state IN ('scheduled', 'completing', 'completed', 'cancelled')", name="state"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint(
            "(state IN ('completing', 'completed')) = (completed_at IS NOT NULL AND completion_job_id IS NOT NULL)",
            name="completion",
        ),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancellation"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    course_id: Mapped[uuid.UUID]
    course_version_id: Mapped[uuid.UUID]
    mode: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    time_zone: Mapped[str]
    location: Mapped[str | None]
    join_url: Mapped[str | None]
    capacity: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default=SessionState.SCHEDULED)
    revision: Mapped[int] = mapped_column(server_default="1")
    roster_revision: Mapped[int] = mapped_column(server_default="0")
    stamped_at: Mapped[datetime | None]
    scheduled_by_type: Mapped[str]
    scheduled_by_id: Mapped[ExternalId]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_by_type: Mapped[str | None]
    completed_by_id: Mapped[ExternalId | None]
    completed_at: Mapped[datetime | None]
    completion_job_id: Mapped[uuid.UUID | None]
    cancelled_at: Mapped[datetime | None]
    cancellation_reason: Mapped[str | None]


class RosterEntry(Tenant, Base):
    """A party on the roster of a session. The licence that it earned has the session's id.

    amended_at: when an amendment last added or removed the party. removed_at: when an amendment removed it. A party
    that is removed before the completion leaves no row. attendance: counts as `attended` until it is recorded.
    attendance_recorded_at: null until then, or if a process of the former release recorded it.
    """

    __tablename__ = "roster_entry"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "session_id"], ["training_session.org_id", "training_session.id"]),
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        Index("ix_roster_entry_org_id_party_id_session_id", "org_id", "party_id", "session_id"),
        CheckConstraint("attendance IN ('attended', 'absent', 'excused')", name="attendance"),
    )

    session_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    party_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    attendance: Mapped[str] = mapped_column(server_default=Attendance.ATTENDED)
    attendance_recorded_at: Mapped[datetime | None]
    added_by_type: Mapped[str]
    added_by_id: Mapped[ExternalId]
    added_at: Mapped[datetime]
    amended_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
