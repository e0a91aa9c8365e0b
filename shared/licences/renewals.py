"""Whose licence ends soon, for courses that want the course assigned again then: once for each licence."""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, literal, literal_column, select, update
from sqlalchemy.orm import Session

from shared import clock
from shared.catalogue import Course, CourseVersion, VersionState
from shared.database import current_org
from shared.directory import Party
from shared.licences.dates import days_after
from shared.licences.granting import AT
from shared.licences.models import Licence
from shared.licences.queries import COUNTS

LOOKS_BACK = timedelta(days=366)
"""A licence that ended longer ago is not renewed by itself, however late the sweep comes."""


@dataclass(frozen=True)
class Renewal:
    """Parties whose licences of a course end on one day, and what they are to be assigned.

    due_on: that day in the organization's zone, or today where it has passed. before_days: the course's rule.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    version_label: str
    before_days: int
    due_on: date
    party_ids: list[str]


def due_renewals(db: Session, zone: str, now: datetime, most: int) -> list[Renewal]:
    """Mark up to `most` licences as renewed, whose holders are to be assigned the active version. Answers them by day.

    Only those that count, of active parties, whose end was not published before; courses that are archived or have no
    published version assign nothing, and mark nothing.
    """
    org_id, today = current_org(db), clock.day_in(zone, now)
    active = and_(
        CourseVersion.org_id == org_id,
        CourseVersion.course_id == Course.id,
        CourseVersion.state == VersionState.ACTIVE,
    )
    due = (
        select(
            literal_column("licence.ctid").label("place"),  # joined by id, without statistics, each row may cost a scan
            Course.id.label("course_id"),
            CourseVersion.id.label("version_id"),
            CourseVersion.label,
            Course.renew_before_days,
        )
        .select_from(Course)
        .join(CourseVersion, active)
        .join(Licence, and_(Licence.org_id == org_id, Licence.course_id == Course.id))
        .join(Party, and_(Party.org_id == org_id, Party.id == Licence.party_id))
        .where(
            Course.org_id == org_id,
            Course.renew_before_days.is_not(None),
            Course.archived_at.is_(None),
            Party.active,
            Licence.renewal_on.is_(None),
            COUNTS,
            Licence.expired_at.is_(None),
            Licence.expires_at <= days_after(literal(now, AT), Course.renew_before_days),
            Licence.expires_at > now - LOOKS_BACK,
        )
        .order_by(Licence.expires_at, Licence.id)
        .limit(most)
        .with_for_update(of=Licence, skip_locked=True)
        .cte("due")
    )
    ends_on = func.timezone(zone, Licence.expires_at).label("ends_on")
    marked = db.execute(
        update(Licence)
        .where(
            Licence.org_id == org_id,
            Licence.course_id == due.c.course_id,
            literal_column("licence.ctid") == due.c.place,
        )
        .values({Licence.renewal_on: today})
        .returning(due.c.course_id, due.c.version_id, due.c.label, due.c.renew_before_days, ends_on, Licence.party_id)
        .execution_options(synchronize_session=False)
    )
    parties: dict[tuple[uuid.UUID, uuid.UUID, str, int, date], list[str]] = defaultdict(list)
    for course_id, version_id, label, before_days, end, party_id in marked:
        parties[course_id, version_id, label, before_days, max(end.date(), today)].append(party_id)
    return [Renewal(*key, party_ids) for key, party_ids in sorted(parties.items())]
