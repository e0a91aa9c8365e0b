"""Reads licences: lists, one licence, counts per period, and rows that other nouns join to their own.

For members, within an organization and a scope of folders; `verification` reads for people without an account. Also
has the SQL conditions that the other modules of licences share.
"""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, Select, Text, and_, case, cast, func, literal, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from shared import catalogue, directory, jobs
from shared.access import Organization
from shared.arrays import is_one_of
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.errors import NotFound
from shared.jobs import Job, OutcomeCode
from shared.licences.dates import A_MOMENT, renewable_until
from shared.licences.models import Licence, LicenceState
from shared.periods import Period


class Sort(StrEnum):
    """The order of a list."""

    NEWEST = "newest"
    EXPIRY = "expiry"


@dataclass(frozen=True)
class Filters:
    """Filters of a list; None: any. state: as of `now`. expires_before, expires_after: both exclusive."""

    now: datetime
    party_id: str | None = None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    state: LicenceState | None = None
    folder_id: str | None = None
    expires_before: datetime | None = None
    expires_after: datetime | None = None


LicenceRow = Row[Licence, str, str, datetime | None, str, datetime | None]
"""`Licence, display_name, version_label, former_expires_at, time_zone, renewable_until`: with its party's name, its
version's label, the end of the licence that it renewed, the organization's zone, and until when it is renewable."""

LicenceRows = Select[Licence, str, str, datetime | None, str, datetime | None]
"""Selects such rows."""

COUNTS = and_(Licence.revoked_at.is_(None), Licence.superseded_at.is_(None))
"""True if a licence counts. At most one licence of a party and course does."""


HAS_BEEN = Licence.undone_at.is_(None)
"""False for a record that an undo took out, as if it had never been."""


def state_of(licence: Licence, now: datetime) -> LicenceState:
    """Returns the state of a licence at a given instant. Revoked goes before superseded, and that before the dates."""
    if licence.revoked_at is not None:
        return LicenceState.REVOKED
    if licence.superseded_at is not None:
        return LicenceState.SUPERSEDED
    return LicenceState.EXPIRED if licence.expires_at <= now else LicenceState.ACTIVE


def list_licences(
    db: Session, filters: Filters, scope: Collection[str] | None, sort: Sort = Sort.NEWEST
) -> LicenceRows:
    """Selects licences.

    scope: ids of the folders whose parties the caller may see, None for all.
    """
    rows = _shown(db, scope).where(*conditions(filters))
    if sort is Sort.EXPIRY:
        return rows.order_by(Licence.expires_at, Licence.id)
    return rows.order_by(Licence.id.desc())


def get(db: Session, licence_id: uuid.UUID, scope: Collection[str] | None) -> LicenceRow:
    """Returns one licence as such a row. Raises NotFound, also for a licence outside the scope."""
    row = db.execute(_shown(db, scope).where(Licence.id == licence_id)).one_or_none()
    if row is None:
        raise NotFound("licence")
    return row


def renewal_of(db: Session, licence: Licence) -> uuid.UUID | None:
    """Returns the id of the licence that renewed this one, None if none did. Reads the party's licences only."""
    of_party = Licence.org_id == current_org(db), Licence.party_id == licence.party_id
    return db.scalar(select(Licence.id).where(*of_party, Licence.renews_id == licence.id).order_by(Licence.id).limit(1))


def _shown(db: Session, scope: Collection[str] | None) -> LicenceRows:
    former = aliased(Licence)
    former_expires_at = select(former.expires_at).where(former.org_id == Licence.org_id, former.id == Licence.renews_id)
    zone = select(Organization.time_zone).where(Organization.id == current_org(db)).scalar_subquery()
    rows = select(
        Licence,
        directory.name_of(Licence.org_id, Licence.party_id),
        CourseVersion.label.label("version_label"),
        former_expires_at.scalar_subquery().label("former_expires_at"),
        zone.label("time_zone"),
        _renewable_until(zone).label("renewable_until"),
    ).outerjoin(CourseVersion, catalogue.is_version(Licence.org_id, Licence.course_version_id))
    of_org = Licence.org_id == current_org(db)
    return rows.where(of_org, HAS_BEEN, directory.in_scope(Licence.party_id, scope))


def _renewable_until(zone: ColumnElement[str]) -> ColumnElement[datetime | None]:
    """The instant until which a renewal counts as one, by the present policy; null if the licence does not count."""
    of_course = select(Course.renewable_days).where(Course.org_id == Licence.org_id, Course.id == Licence.course_id)
    return case((COUNTS, renewable_until(zone, Licence.expires_at, of_course.scalar_subquery())), else_=null())


def conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Returns the conditions of these filters."""
    found: list[ColumnElement[bool]] = []
    for name in ("party_id", "course_id", "course_version_id", "session_id"):
        if (value := getattr(filters, name)) is not None:
            found.append(getattr(Licence, name) == value)
    if filters.expires_before is not None:
        found.append(Licence.expires_at < filters.expires_before)
    if filters.expires_after is not None:
        found.append(Licence.expires_at > filters.expires_after)
    if filters.folder_id is not None:
        found.append(directory.in_scope(Licence.party_id, [filters.folder_id]))
    match filters.state:
        case LicenceState.REVOKED:
            found.append(Licence.revoked_at.is_not(None))
        case LicenceState.SUPERSEDED:
            found += [Licence.revoked_at.is_(None), Licence.superseded_at.is_not(None)]
        case LicenceState.EXPIRED:
            found += [COUNTS, Licence.expires_at <= filters.now]
        case LicenceState.ACTIVE:
            found += [COUNTS, Licence.expires_at > filters.now]
    return found


def made_by(job: Job) -> Select[str, str, uuid.UUID]:
    """Selects the licences that a job granted, in the columns of its outcomes: `entity_id, code, record_id`."""
    return select(
        Licence.party_id.label("entity_id"),
        literal(OutcomeCode.LICENCE_GRANTED, Text).label("code"),
        Licence.id.label("record_id"),
    ).where(Licence.org_id == job.org_id, Licence.job_id == job.id)


def results_by_party(rows: Select[*tuple[Any, ...]], scope: Collection[str] | None) -> Select[*tuple[Any, ...]]:
    """Replace the recipient of each result by its party, for a job whose recipients are licences.

    A licence that does not exist or is outside the scope stays as it is.
    """
    return jobs.results_by_party(rows, Licence, directory.in_scope(Licence.party_id, scope))


def of_session(session_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Selects the licence that a session granted to each party: the one that is not revoked, else the latest one.

    Rows of `party_id, licence_id, revoked_at, revoked_by_type, revoked_by_id, revoked_job_id`.
    """
    return (
        select(
            Licence.party_id,
            Licence.id.label("licence_id"),
            Licence.revoked_at,
            Licence.revoked_by_type,
            Licence.revoked_by_id,
            Licence.revoked_job_id,
        )
        .distinct(Licence.party_id)
        .where(Licence.org_id == func.current_setting("rollcall.org"), Licence.session_id == session_id)
        .order_by(Licence.party_id, Licence.revoked_at.is_(None).desc(), Licence.id.desc())
    )


def holders(
    db: Session,
    course_id: uuid.UUID,
    now: datetime,
    covers: Callable[[Any], ColumnElement[bool]] | None = None,
) -> Select[str]:
    """Selects the parties that hold a valid licence of a course now. covers: only parties of a range."""
    held = select(Licence.party_id).where(
        Licence.org_id == current_org(db),
        Licence.course_id == course_id,
        COUNTS,
        func.coalesce(Licence.valid_from, Licence.granted_at) <= now,
        Licence.expires_at > now,
    )
    return held if covers is None else held.where(covers(Licence.party_id))


def any_standing(db: Session, session_id: uuid.UUID) -> bool:
    """True if the session has granted a licence that is not revoked."""
    standing = select(Licence.id).where(
        Licence.org_id == current_org(db), Licence.session_id == session_id, Licence.revoked_at.is_(None)
    )
    return bool(db.scalar(select(standing.exists())))


def count_lapses(
    db: Session,
    scope: Collection[str] | None,
    *,
    course_id: uuid.UUID | None,
    zone: str,
    by: Period,
    since: datetime,
    until: datetime,
) -> dict[date, int]:
    """Returns how many licences that count end in each period from `since` (exclusive) to `until` (inclusive).

    Keys are the first days of the periods in this zone; a period without any is missing. An end at midnight belongs to
    the day before, as people are told.
    """
    period = by.begun_by(Licence.expires_at - A_MOMENT, zone).label("period")
    rows = select(period, func.count()).where(
        Licence.org_id == current_org(db),
        COUNTS,
        Licence.expires_at > since,
        Licence.expires_at <= until,
        directory.in_scope(Licence.party_id, scope),
    )
    if course_id is not None:
        rows = rows.where(Licence.course_id == course_id)
    return {first.date(): number for first, number in db.execute(rows.group_by(period)).tuples()}


def has_id(org_id: str, licence_ids: Collection[uuid.UUID]) -> ColumnElement[bool]:
    """True if a licence has one of these ids. An array and not a join: see `sweeping`."""
    return and_(Licence.org_id == org_id, is_one_of(Licence.id, licence_ids))


def subject(licence_id: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Label[str]:
    """Returns the subject of events about a licence."""
    return func.concat("licence/", cast(licence_id, Text)).label("subject")
