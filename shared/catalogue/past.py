"""The versions of courses in the past, for records of what was trained before or elsewhere.

A record belongs to the version that was active at the end of its day. Where none was, it belongs to the course's
retired version `unrecorded`, which the first such record makes.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of
from shared.catalogue.models import Course, CourseVersion, VersionState
from shared.database import current_org
from shared.events import Actor, Fact

UNRECORDED = "unrecorded"
"""The label of a course's retired version for records that say no version."""

PastVersion = Row[uuid.UUID, uuid.UUID, str, str, datetime | None]
"""`id, course_id, label, state, published_at`"""


def courses_of_records(
    db: Session, course_ids: Collection[uuid.UUID], codes: Collection[str]
) -> list[Row[uuid.UUID, str, int | None]]:
    """Returns the courses with these ids or codes, archived ones too: rows of `id, code, licence_months`."""
    either: list[ColumnElement[bool]] = [is_one_of(Course.id, course_ids), is_one_of(Course.code, codes)]
    rows = select(Course.id, Course.code, Course.licence_months).where(Course.org_id == current_org(db), or_(*either))
    return list(db.execute(rows).all())


def past_versions(db: Session, course_ids: Collection[uuid.UUID]) -> Sequence[PastVersion]:
    """Returns the versions of these courses that a record can belong to: all but drafts, the first published first."""
    rows = select(
        CourseVersion.id, CourseVersion.course_id, CourseVersion.label, CourseVersion.state, CourseVersion.published_at
    ).where(
        CourseVersion.org_id == current_org(db),
        is_one_of(CourseVersion.course_id, course_ids),
        CourseVersion.state != VersionState.DRAFT,
    )
    return db.execute(rows.order_by(CourseVersion.published_at, CourseVersion.id)).all()


def add_unrecorded(db: Session, course_ids: Collection[uuid.UUID], now: datetime) -> list[PastVersion]:
    """Insert the version `unrecorded` of these courses, where no version has that label. Returns those inserted.

    Locks the courses first, as every change of their versions does. Call `record_unrecorded` with the result, after
    the last statement that can wait for a row.
    """
    org_id = current_org(db)
    locked = select(Course.id).where(Course.org_id == org_id, is_one_of(Course.id, course_ids)).order_by(Course.id)
    ids = db.scalars(locked.with_for_update(key_share=True)).all()
    rows = select(
        literal(org_id),
        func.unnest(literal(list(ids), ARRAY(Uuid))),
        literal(UNRECORDED),
        literal(VersionState.RETIRED.value),
        literal(now),
    )
    columns = [
        CourseVersion.org_id,
        CourseVersion.course_id,
        CourseVersion.label,
        CourseVersion.state,
        CourseVersion.created_at,
    ]
    inserted = upsert(CourseVersion).from_select(columns, rows, include_defaults=False).on_conflict_do_nothing()
    returned = inserted.returning(
        CourseVersion.id, CourseVersion.course_id, CourseVersion.label, CourseVersion.state, CourseVersion.published_at
    )
    return list(db.execute(returned).all())


def record_unrecorded(db: Session, versions: Collection[PastVersion], actor: Actor, now: datetime) -> None:
    """Record the events of versions that `add_unrecorded` inserted."""
    facts = [
        Fact("course_version.retired", f"course_version/{one.id}", {"courseId": str(one.course_id)}) for one in versions
    ]
    events.record(db, actor, now, *facts)
