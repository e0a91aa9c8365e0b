"""The catalogue: courses and their versions. What was published never changes, in the database too."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class Mode(StrEnum):
    """How a course is delivered; `flex` means either."""

    ONLINE = "online"
    IN_PERSON = "in_person"
    FLEX = "flex"


class LicenceOn(StrEnum):
    """What grants a course's licence: a completed session, or any completion of an assignment."""

    SESSION = "session"
    COMPLETION = "completion"


class EarlyRenewal(StrEnum):
    """From when a licence counts that is renewed before its end: from the renewal, or from the end of the former."""

    RESETS = "resets"
    KEEPS_ANNIVERSARY = "keepsAnniversary"


class VersionState(StrEnum):
    """draft -> active -> superseded. Only a draft can be edited; only one version of a course is active."""

    DRAFT = "draft"
    ACTIVE = "active"
    SUPERSEDED = "superseded"


class Course(Tenant, Base):
    """A catalogue entry. licence_months: how long its licence lasts; null: it grants none.

    renewal_window_days: a renewal so many days before the end, or fewer, is an early one, for which
    `early_renewal` says from when the new licence counts; null: there are none. renew_before_days: so long before a
    licence ends its holder is assigned the active version; null: never.
    """

    __tablename__ = "course"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        UniqueConstraint("org_id", "code"),
        CheckConstraint("mode IN ('online', 'in_person', 'flex')", name="mode"),
        CheckConstraint("licence_on IN ('session', 'completion')", name="licence_on"),
        CheckConstraint("licence_months > 0", name="licence_months_positive"),
        CheckConstraint("early_renewal IN ('resets', 'keepsAnniversary')", name="early_renewal"),
        CheckConstraint("renewal_window_days > 0 AND renew_before_days > 0", name="renewal_days_positive"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    title: Mapped[str]
    code: Mapped[str]
    description: Mapped[str | None]
    mode: Mapped[str]
    licence_months: Mapped[int | None]
    licence_on: Mapped[str]
    renewal_window_days: Mapped[int | None]
    early_renewal: Mapped[str] = mapped_column(server_default=EarlyRenewal.RESETS)
    renew_before_days: Mapped[int | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class CourseVersion(Tenant, Base):
    """An edition of a course. materials: `[{documentId, title, url?}]`; the documents live in the DMS."""

    __tablename__ = "course_version"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "course_id"], ["course.org_id", "course.id"]),
        UniqueConstraint("org_id", "course_id", "label"),
        Index(
            "uq_course_version_active",
            "org_id",
            "course_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        CheckConstraint("state IN ('draft', 'active', 'superseded')", name="state"),
        CheckConstraint("(state = 'draft') = (published_at IS NULL)", name="published_at"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    course_id: Mapped[uuid.UUID]
    label: Mapped[str]
    summary: Mapped[str | None]
    materials: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    state: Mapped[str] = mapped_column(server_default=VersionState.DRAFT)
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by: Mapped[ExternalId | None]
