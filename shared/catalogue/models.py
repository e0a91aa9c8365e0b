"""The catalogue's tables: courses and versions. A trigger keeps a published version from being changed."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text, true
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class Mode(StrEnum):
    """How a course is delivered. flex: online or in person."""

    ONLINE = "online"
    IN_PERSON = "in_person"
    FLEX = "flex"


class LicenceOn(StrEnum):
    """The completion that grants a course's licence: of a session, or of an assignment in any way."""

    SESSION = "session"
    COMPLETION = "completion"


class EarlyRenewal(StrEnum):
    """The start of a licence that is renewed early: the renewal, or the end of the former licence."""

    RESETS = "resets"
    KEEPS_ANNIVERSARY = "keepsAnniversary"


class LicenceFrom(StrEnum):
    """When a licence begins: when it is granted, or when the training ended."""

    GRANTED = "granted"
    TRAINING = "training"


class LicenceEnds(StrEnum):
    """When a licence ends: at the instant that its months lead to, or with that day or month.

    Days and months are those of the organization's zone.
    """

    INSTANT = "instant"
    END_OF_DAY = "end_of_day"
    END_OF_MONTH = "end_of_month"


class VersionState(StrEnum):
    """draft -> active -> superseded. Only a draft can be edited; at most one version of a course is active.

    retired: made for records of the past. It is never active, assigned or scheduled, and never changes.
    """

    DRAFT = "draft"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    RETIRED = "retired"


class Course(Tenant, Base):
    """A catalogue entry. licence_months: the duration of its licence; null: it grants none.

    renewal_window_days: a renewal in these last days of a licence is an early renewal, for which `early_renewal` sets
    the start of the new licence; null: no renewal is early. renew_before_days: how many days before a licence ends its
    holder is assigned the active version; null: never. licence_from, licence_ends: when a licence begins and ends.
    renewable_days: for how many days after the end of a licence a renewal keeps its anniversary; null: for none.
    newer_satisfies: completing a version closes the party's open assignments of older versions.
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
        CheckConstraint("licence_from IN ('granted', 'training')", name="licence_from"),
        CheckConstraint("licence_ends IN ('instant', 'end_of_day', 'end_of_month')", name="licence_ends"),
        CheckConstraint("renewable_days > 0", name="renewable_days_positive"),
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
    licence_from: Mapped[str] = mapped_column(server_default=LicenceFrom.GRANTED)
    licence_ends: Mapped[str] = mapped_column(server_default=LicenceEnds.INSTANT)
    renewable_days: Mapped[int | None]
    newer_satisfies: Mapped[bool] = mapped_column(server_default=true())
    revision: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class CourseVersion(Tenant, Base):
    """A version of a course. materials: `[{documentId, title, url?}]`; the documents themselves are in the DMS.

    title, code, description: the course's when this version was published, for everything that shows what somebody
    was trained in; title is null before. A trigger fills them if the process that publishes does not.
    """

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
        CheckConstraint("state IN ('draft', 'active', 'superseded', 'retired')", name="state"),
        CheckConstraint("(state IN ('draft', 'retired')) = (published_at IS NULL)", name="published_at"),
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
    title: Mapped[str | None]
    code: Mapped[str | None]
    description: Mapped[str | None]
