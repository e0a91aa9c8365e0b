"""Selects licences that end soon and whose course is to be assigned again then, once per licence.

Only courses with `renewBeforeDays` are assigned again. The caller submits the jobs that assign them.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ARRAY, Select, Uuid, and_, func, literal, select, update
from sqlalchemy.orm import Session

from shared import clock
from shared.catalogue import Course, CourseVersion, VersionState
from shared.database import current_org
from shared.directory import Party
from shared.licences.dates import A_MOMENT, AT
from shared.licences.models import Licence, LicenceDue
from shared.licences.queries import COUNTS, has_id

LOOKS_BACK = timedelta(days=366)
"""A licence that ended longer ago than this is never renewed automatically, however late the sweep runs."""


@dataclass(frozen=True)
class Renewal:
    """Parties whose licences of a course end on the same day, and the course version to assign to them.

    due_on: that day in the organization's zone, or today if it has passed. before_days: the course's `renewBeforeDays`.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    version_label: str
    before_days: int
    due_on: date
    party_ids: list[str]


@dataclass(frozen=True)
class Rule:
    """The version that a course assigns again, and to the holders of which licences: those that end by `until`."""

    course_version_id: uuid.UUID
    version_label: str
    before_days: int
    until: datetime


def due_renewals(db: Session, zone: str, now: datetime, most: int) -> list[Renewal]:
    """Mark up to `most` licences as renewed. Returns what to assign to their holders, by course and day.

    Selects only licences that count, whose party is active and whose end the sweep has not published. Skips courses
    that are archived or have no active version, and marks nothing for them. Reads the courses first: most
    organizations have no course that renews, and then no licence is read.
    """
    rules = _rules(db, now)
    if not rules:
        return []
    org_id, today = current_org(db), clock.day_in(zone, now)
    found = db.execute(_due(org_id, rules, now, zone).limit(most)).all()
    if not found:
        return []
    marked = update(Licence).where(has_id(org_id, [row.id for row in found])).values({Licence.renewal_on: today})
    db.execute(marked, execution_options={"synchronize_session": False})
    parties: dict[tuple[uuid.UUID, date], list[str]] = defaultdict(list)
    for _, course_id, party_id, ends_on in found:
        parties[course_id, max(ends_on.date(), today)].append(party_id)
    return [
        Renewal(course_id, rule.course_version_id, rule.version_label, rule.before_days, due_on, party_ids)
        for (course_id, due_on), party_ids in sorted(parties.items())
        for rule in (rules[course_id],)
    ]


def _rules(db: Session, now: datetime) -> dict[uuid.UUID, Rule]:
    """Returns the rules of the courses that renew, by course id."""
    org_id = current_org(db)
    active = and_(
        CourseVersion.org_id == org_id,
        CourseVersion.course_id == Course.id,
        CourseVersion.state == VersionState.ACTIVE,
    )
    courses = (
        select(Course.id, CourseVersion.id, CourseVersion.label, Course.renew_before_days)
        .join(CourseVersion, active)
        .where(Course.org_id == org_id, Course.renew_before_days.is_not(None), Course.archived_at.is_(None))
    )
    return {
        course_id: Rule(version_id, label, days, now + timedelta(days=days))
        for course_id, version_id, label, days in db.execute(courses)
        if days is not None
    }


def _due(
    org_id: str, rules: Mapping[uuid.UUID, Rule], now: datetime, zone: str
) -> Select[uuid.UUID, uuid.UUID, str, datetime]:
    """Selects licences that end by their courses' rules and are not renewed yet, the earliest end first; locks them.

    Skips rows that another transaction has locked: a second sweep selects other licences instead of waiting.
    """
    untils = [rule.until for rule in rules.values()]
    arrays = literal(list(rules), ARRAY(Uuid)), literal(untils, ARRAY(AT))
    rule = func.unnest(*arrays).table_valued("course_id", "until").render_derived("rule")
    return (
        select(Licence.id, Licence.course_id, Licence.party_id, func.timezone(zone, Licence.expires_at - A_MOMENT))
        .join(rule, Licence.course_id == rule.c.course_id)
        .join(Party, and_(Party.org_id == org_id, Party.id == Licence.party_id))
        .join(LicenceDue, and_(LicenceDue.org_id == org_id, LicenceDue.licence_id == Licence.id))
        .where(
            Licence.org_id == org_id,
            COUNTS,
            Party.active,
            Licence.renewal_on.is_(None),
            LicenceDue.due_at.is_not(None),
            Licence.expires_at <= rule.c.until,
            Licence.expires_at <= max(untils),
            Licence.expires_at > now - LOOKS_BACK,
        )
        .order_by(Licence.expires_at, Licence.id)
        .with_for_update(of=Licence, skip_locked=True)
    )
