"""Reading the catalogue: courses with their active version, and the version that other nouns bind to."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, and_, case, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.catalogue.models import Course, CourseVersion, VersionState
from shared.database import current_org
from shared.errors import Fault, InvalidInput, NotFound

MOST_CHOICES = 500
"""Courses that a page offers to choose from."""

ARCHIVED = "This course is archived; it can no longer be assigned or scheduled."

TITLE: ColumnElement[str] = func.coalesce(CourseVersion.title, Course.title)
CODE: ColumnElement[str] = func.coalesce(CourseVersion.code, Course.code)
DESCRIPTION: ColumnElement[str | None] = case(
    (CourseVersion.title.is_(None), Course.description), else_=CourseVersion.description
)
"""The title, code and description to show for what is bound to a version, selected from `Course` and `CourseVersion`:
as they were when that version was published. Those of the course show for a version that was never published."""


class CourseNotPublished(InvalidInput):
    """The course exists, but has no active version."""

    slug, title = "course-not-published", "Course not published"


def list_courses(db: Session, *, archived: bool = False, q: str | None = None) -> Select[Course, CourseVersion | None]:
    """Returns a select of courses by title, as rows of (Course, its active version or None).

    archived: archived courses instead of the others. q: a part of the title or the beginning of the code, in any letter
    case.
    """
    rows = _courses(db).where(Course.archived_at.is_not(None) if archived else Course.archived_at.is_(None))
    if q is not None:
        rows = rows.where(Course.title.icontains(q, autoescape=True) | Course.code.istartswith(q, autoescape=True))
    return rows.order_by(Course.title, Course.id)


def get_course(db: Session, course_id: uuid.UUID) -> Row[Course, CourseVersion | None]:
    """Returns the row (Course, its active version or None) of one course. Raises NotFound."""
    row = db.execute(_courses(db).where(Course.id == course_id)).one_or_none()
    if row is None:
        raise NotFound("course")
    return row


def list_versions(db: Session, course_id: uuid.UUID, *, state: VersionState | None = None) -> Select[CourseVersion]:
    """Returns a select of the versions of a course, newest first."""
    rows = _versions(db, course_id).order_by(CourseVersion.created_at.desc(), CourseVersion.id.desc())
    return rows if state is None else rows.where(CourseVersion.state == state)


def get_version(db: Session, course_id: uuid.UUID, version_id: uuid.UUID) -> CourseVersion:
    """Returns one version of a course. Raises NotFound."""
    found = db.scalar(_versions(db, course_id).where(CourseVersion.id == version_id))
    if found is None:
        raise NotFound("course version")
    return found


def active_version(db: Session, course_id: uuid.UUID, *, pointer: str = "/courseId") -> CourseVersion:
    """Returns the active version of a course, to which new assignments and sessions are bound.

    pointer: where the request names the course. Raises InvalidInput for a course that is unknown or archived, and its
    subclass CourseNotPublished for a course with drafts only.
    """
    row = db.execute(_courses(db).where(Course.id == course_id)).one_or_none()
    if row is None:
        raise InvalidInput(Fault(pointer, "There is no such course in your organization."))
    found, active = row
    if found.archived_at is not None:
        raise InvalidInput(Fault(pointer, ARCHIVED))
    if active is None:
        raise CourseNotPublished(Fault(pointer, "This course has no published version yet."))
    return active


def published_version(
    db: Session, course_id: uuid.UUID, version_id: uuid.UUID, *, pointer: str = "/courseVersionId"
) -> CourseVersion:
    """Returns the active version or a superseded one. Raises InvalidInput for another state or an unknown version."""
    version = db.scalar(_versions(db, course_id).where(CourseVersion.id == version_id))
    if version is None:
        raise InvalidInput(Fault(pointer, "The course has no such version."))
    if version.state not in (VersionState.ACTIVE, VersionState.SUPERSEDED):
        raise InvalidInput(Fault(pointer, "This version was never active, so nothing can be bound to it."))
    return version


def need_not_archived(db: Session, course_id: uuid.UUID, *, pointer: str = "/courseId") -> None:
    """Raise the problem of `active_version` for an archived course: for what acts on an earlier request."""
    archived = select(Course.id).where(
        Course.org_id == current_org(db), Course.id == course_id, Course.archived_at.is_not(None)
    )
    if db.scalar(archived) is not None:
        raise InvalidInput(Fault(pointer, ARCHIVED))


def courses_by_id(db: Session, course_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Course]:
    """Returns the courses that exist, including archived ones, by id."""
    found = db.scalars(select(Course).where(Course.org_id == current_org(db), Course.id.in_(course_ids)))
    return {course.id: course for course in found}


def names_of_versions(db: Session, version_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, ...]]:
    """Returns the label of each version and the title and code that it was published with, by id. Drafts have none."""
    found = select(CourseVersion.id, CourseVersion.label, CourseVersion.title, CourseVersion.code)
    rows = found.where(CourseVersion.org_id == current_org(db), is_one_of(CourseVersion.id, version_ids))
    return {each: tuple(name for name in names if name is not None) for each, *names in db.execute(rows)}


def is_course(org_id: Any, course_id: Any) -> ColumnElement[bool]:
    """Returns the condition with which rows of another noun join their course, by an outer join.

    An inner join would allow PostgreSQL to begin with the courses, and to read all rows of the other noun for a page.
    """
    return and_(Course.org_id == org_id, Course.id == course_id)


def is_version(org_id: Any, version_id: Any) -> ColumnElement[bool]:
    """Returns the condition with which rows of another noun join their course version, by an outer join as well."""
    return and_(CourseVersion.org_id == org_id, CourseVersion.id == version_id)


def _courses(db: Session) -> Select[Course, CourseVersion | None]:
    active = and_(
        CourseVersion.org_id == Course.org_id,
        CourseVersion.course_id == Course.id,
        CourseVersion.state == VersionState.ACTIVE,
    )
    return select(Course, CourseVersion).outerjoin(CourseVersion, active).where(Course.org_id == current_org(db))


def _versions(db: Session, course_id: uuid.UUID) -> Select[CourseVersion]:
    return select(CourseVersion).where(CourseVersion.org_id == current_org(db), CourseVersion.course_id == course_id)


def as_choices(db: Session, *, published: bool = False) -> ScalarSelect[Any]:
    """Returns a subquery of the courses that are not archived, as JSON pairs of id and name, by title.

    published: only those that can be assigned. A name has the code, because titles need not be unique.
    """
    rows = select(Course.id, Course.title, Course.code).where(
        Course.org_id == current_org(db), Course.archived_at.is_(None)
    )
    if published:
        of = (CourseVersion.org_id == Course.org_id, CourseVersion.course_id == Course.id)
        rows = rows.where(exists().where(*of, CourseVersion.state == VersionState.ACTIVE))
    each = rows.order_by(Course.title, Course.id).limit(MOST_CHOICES).subquery()
    name = each.c.title + " (" + each.c.code + ")"
    pair = func.json_build_array(each.c.id, name)
    return select(func.json_agg(aggregate_order_by(pair, each.c.title, each.c.id))).scalar_subquery()
