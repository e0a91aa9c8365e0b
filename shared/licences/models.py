"""The tables of licences. A licence is valid by its dates alone; the sweep only publishes that it has ended."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class LicenceState(StrEnum):
    """active -> expired | revoked | superseded. Computed from the dates when it is read; never stored.

    expired: its end has passed. revoked: taken back for good. superseded: a later licence of the course replaced it.
    """

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class LicenceSource(StrEnum):
    """The kind of thing that a licence was granted for."""

    SESSION = "session"
    ASSIGNMENT = "assignment"
    RECORD = "record"


class ExpiryRule(StrEnum):
    """The rule that gave `expires_at`. Each licence's explanation is derived from it.

    months_from_grant: calendar months after `granted_at`. months_from_training: after the end of the training.
    months_from_anniversary: calendar months after the end of the licence it renews. later_expiry: the end of the
    licence it renews, as that is later. corrected: set by a member. recorded: the day that a record says.
    """

    MONTHS_FROM_GRANT = "monthsFromGrant"
    MONTHS_FROM_TRAINING = "monthsFromTraining"
    MONTHS_FROM_ANNIVERSARY = "monthsFromAnniversary"
    LATER_EXPIRY = "laterExpiry"
    CORRECTED = "corrected"
    RECORDED = "recorded"


NOTICE_DAYS = (60, 30, 7)
"""`licence.expiring` is published once at each of these numbers of days before a licence ends."""


class Licence(Tenant, Base):
    """One licence. At most one licence of a party and course counts, that is: is neither revoked nor superseded.

    session_id, assignment_id, record_key: what it was granted for, exactly one of them. job_id: the job that granted
    it, if any.
    valid_from: when it begins; null: when it is granted. months, rule, counted_from, ends: how `expires_at` was
    computed; months is null after a correction, counted_from for the instant of the grant, ends for an end that was not
    rounded. renews_id: the licence that this one superseded. renewal_on: the day on which the sweep assigned the course
    again, for this licence.
    revoked_job_id: the job that took it back, such as an amendment; null if a member revoked it by hand, alone or with
    many others in one job.
    code: printed on the certificate and used to verify it; 16 random hexadecimal digits.

    Of a record, a licence that was earned elsewhere or before: record_key: the number of its document, empty without
    one; its own id once its party is erased, because two records of a party and day may differ in nothing but the
    number, or once it was granted again, because the new licence has the number. completed_on: the day of the training.
    issuer: who says so. record_row, record_line: its place in the import. superseded_by_id: the licence that counts
    instead because it ends later, where that one renews another one; also of a licence that was granted again.
    undone_at: when an undo took the record out, as if it had never been; such a record is revoked too, for processes of
    the former release.
    restored_at: when an undo granted the licence again, as it was; a check of the days before does not count it.
    """

    __tablename__ = "licence"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        ForeignKeyConstraint(["org_id", "course_id"], ["course.org_id", "course.id"]),
        ForeignKeyConstraint(["org_id", "course_version_id"], ["course_version.org_id", "course_version.id"]),
        ForeignKeyConstraint(["org_id", "session_id"], ["training_session.org_id", "training_session.id"]),
        ForeignKeyConstraint(["org_id", "assignment_id"], ["assignment.org_id", "assignment.id"]),
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        ForeignKeyConstraint(["org_id", "renews_id"], ["licence.org_id", "licence.id"]),
        UniqueConstraint("code"),
        Index(
            "uq_licence_counting",
            "org_id",
            "party_id",
            "course_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL AND superseded_at IS NULL"),
        ),
        Index(
            "uq_licence_session_unrevoked",
            "org_id",
            "session_id",
            "party_id",
            unique=True,
            postgresql_where=text("session_id IS NOT NULL AND revoked_at IS NULL"),
        ),
        Index(
            "ix_licence_org_id_session_id_party_id",
            "org_id",
            "session_id",
            "party_id",
            postgresql_where=text("session_id IS NOT NULL"),
        ),
        Index(
            "uq_licence_assignment",
            "org_id",
            "assignment_id",
            unique=True,
            postgresql_where=text("assignment_id IS NOT NULL AND revoked_at IS NULL"),
        ),
        Index(
            "uq_licence_record",
            "org_id",
            "party_id",
            "course_id",
            "completed_on",
            "record_key",
            unique=True,
            postgresql_where=text("record_key IS NOT NULL AND undone_at IS NULL"),
        ),
        Index("ix_licence_org_id_course_id_expires_at", "org_id", "course_id", "expires_at"),
        Index("ix_licence_org_id_expires_at_id", "org_id", "expires_at", "id"),
        Index("ix_licence_org_id_party_id_id", "org_id", "party_id", "id"),
        Index("ix_licence_org_id_job_id_party_id", "org_id", "job_id", "party_id"),
        CheckConstraint("expires_at > coalesce(valid_from, granted_at)", name="expires_after_beginning"),
        CheckConstraint("num_nonnulls(session_id, assignment_id, record_key) = 1", name="earned_by_one"),
        CheckConstraint("(record_key IS NULL) = (completed_on IS NULL)", name="record_is_whole"),
        CheckConstraint("undone_at IS NULL OR revoked_at IS NOT NULL", name="undone_is_revoked"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    party_id: Mapped[ExternalId]
    course_id: Mapped[uuid.UUID]
    course_version_id: Mapped[uuid.UUID]
    session_id: Mapped[uuid.UUID | None]
    assignment_id: Mapped[uuid.UUID | None]
    job_id: Mapped[uuid.UUID | None]
    granted_by_type: Mapped[str]
    granted_by_id: Mapped[ExternalId]
    granted_at: Mapped[datetime]
    valid_from: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    months: Mapped[int | None]
    rule: Mapped[str]
    counted_from: Mapped[datetime | None]
    ends: Mapped[str | None]
    renews_id: Mapped[uuid.UUID | None]
    code: Mapped[str] = mapped_column(server_default=func.licence_code())
    note: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    renewal_on: Mapped[date | None]
    superseded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoked_by_type: Mapped[str | None]
    revoked_by_id: Mapped[ExternalId | None]
    revocation_reason: Mapped[str | None]
    revoked_job_id: Mapped[uuid.UUID | None]
    record_key: Mapped[str | None]
    record_row: Mapped[int | None]
    record_line: Mapped[int | None]
    completed_on: Mapped[date | None]
    issuer: Mapped[str | None]
    superseded_by_id: Mapped[uuid.UUID | None]
    undone_at: Mapped[datetime | None]
    restored_at: Mapped[datetime | None]

    @property
    def source(self) -> LicenceSource:
        """The kind of thing that the licence was granted for."""
        if self.record_key is not None:
            return LicenceSource.RECORD
        return LicenceSource.ASSIGNMENT if self.session_id is None else LicenceSource.SESSION

    @property
    def number(self) -> str | None:
        """The number of a record's document; None if it has none or its party was erased."""
        return None if self.record_key in (None, "", str(self.id)) else self.record_key

    @property
    def begins_at(self) -> datetime:
        """The instant from which the licence is valid."""
        return self.valid_from or self.granted_at


class LicenceDue(Tenant, Base):
    """When the sweep must publish something about a licence next: its next notice, then its end, then nothing.

    One row per licence. Triggers on `licence` insert it and keep `expires_at` and `counts` up to date; only the sweep
    writes the rest. A table of its own, so that publishing a notice updates none of the ten indexes of `licence`.
    counts: the licence is neither revoked nor superseded. notices: how many of `NOTICE_DAYS` have been published or
    are passed over, because their day had come when the licence got its end.
    expired_at: when the sweep published an end; if `expires_at` is later, the new end is still to be published.
    due_at: when the next event is due, null if none is. There is no foreign key to `licence`: a licence is never
    deleted, and while PostgreSQL does not know an organization each check would read all of its licences.
    """

    __tablename__ = "licence_due"
    __table_args__ = (
        Index("ix_licence_due_at", "org_id", "due_at", "licence_id", postgresql_where=text("due_at IS NOT NULL")),
        CheckConstraint("notices BETWEEN 0 AND 3", name="notices"),
    )

    licence_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]
    counts: Mapped[bool]
    notices: Mapped[int] = mapped_column(server_default="0")
    expired_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(
        Computed("licence_due_at(expires_at, notices, expired_at, counts)", persisted=True)
    )


class Sweep(Tenant, Base):
    """One run of the sweep over an organization.

    slot: the night it belongs to (a day in UTC), null if a member requested it. lag_seconds: how late the most overdue
    event of this run was, null if nothing was due. finished_at: when nothing was due any more.
    """

    __tablename__ = "sweep"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        UniqueConstraint("org_id", "slot"),
        Index("ix_sweep_unfinished", "org_id", "id", postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    slot: Mapped[date | None]
    asked_by_type: Mapped[str]
    asked_by_id: Mapped[ExternalId]
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expired: Mapped[int] = mapped_column(server_default="0")
    notices: Mapped[int] = mapped_column(server_default="0")
    renewals: Mapped[int] = mapped_column(server_default="0")
    lag_seconds: Mapped[float | None]


class CertificateLook(Tenant, Base):
    """The look of an organization's certificates: everything on them besides the licence.

    signatory_name, signatory_title: who signs, in the organization's words. show_training_date: the day of the
    training. show_holder_number: the party's id, which is its number in the organization's other systems.
    logo: a PNG that was written here, never the file that was sent.
    """

    __tablename__ = "certificate_look"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    signatory_name: Mapped[str | None]
    signatory_title: Mapped[str | None]
    show_training_date: Mapped[bool] = mapped_column(server_default=text("false"))
    show_holder_number: Mapped[bool] = mapped_column(server_default=text("false"))
    logo: Mapped[bytes | None]
    logo_width: Mapped[int | None]
    logo_height: Mapped[int | None]
    updated_at: Mapped[datetime]
