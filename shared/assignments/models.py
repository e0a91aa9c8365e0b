"""Assignments: one party owes one course version. The record that years later still says who, what, why and when."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class AssignmentState(StrEnum):
    """assigned -> completed | closed."""

    ASSIGNED = "assigned"
    COMPLETED = "completed"
    CLOSED = "closed"


class Assignment(Tenant, Base):
    """One party owes one course version. due_on: a day in the organization's time zone."""

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
        Index("ix_assignment_org_id_party_id_id", "org_id", "party_id", "id"),
        CheckConstraint("state IN ('assigned', 'completed', 'closed')", name="state"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    course_id: Mapped[uuid.UUID]
    course_version_id: Mapped[uuid.UUID]
    party_id: Mapped[ExternalId]
    reason: Mapped[str]
    due_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(server_default=AssignmentState.ASSIGNED)
    assigned_by_type: Mapped[str]
    assigned_by_id: Mapped[ExternalId]
    assigned_at: Mapped[datetime]
    job_id: Mapped[uuid.UUID | None]
    revision: Mapped[int] = mapped_column(server_default="1")
