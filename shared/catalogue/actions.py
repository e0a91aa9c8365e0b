"""Writing the catalogue. Every change of a course or one of its versions locks the course row first. So of two
members who publish at the same time the second waits, and then sees what the first has published.
"""

import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from pydantic.alias_generators import to_camel
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import events, locking
from shared.catalogue import queries
from shared.catalogue.models import Course, CourseVersion, VersionState
from shared.catalogue.schemas import CourseChanges, CourseRequest, VersionChanges, VersionRequest
from shared.database import current_org
from shared.errors import Conflict
from shared.events import Actor, Fact


class CourseArchived(Conflict):
    """An archived course cannot be changed."""

    slug, title = "course-archived", "Course archived"

    def __init__(self) -> None:
        super().__init__("This course is archived: it can be read, but not changed or published.")


class CourseCodeTaken(Conflict):
    """A code is unique in the organization, including archived courses."""

    slug, title = "course-code-taken", "Course code taken"

    def __init__(self) -> None:
        super().__init__("Another course of your organization has this code, perhaps an archived one.")


class VersionLabelTaken(Conflict):
    """A label is unique within its course."""

    slug, title = "version-label-taken", "Version label taken"

    def __init__(self) -> None:
        super().__init__("Another version of this course has this label.")


class VersionPublished(Conflict):
    """A published version never changes, and a superseded one cannot be published again."""

    slug, title = "version-published", "Version published"

    def __init__(self) -> None:
        super().__init__("This version was published, and published versions never change; draft a new one.")


class VersionRetired(Conflict):
    """A retired version never changes and is never published."""

    slug, title = "version-retired", "Version retired"

    def __init__(self) -> None:
        super().__init__("This version is retired: only records of the past belong to it. Draft a new one.")


def create_course(db: Session, request: CourseRequest, actor: Actor, now: datetime) -> Course:
    """Add a course without versions. Raises CourseCodeTaken."""
    values = {**request.model_dump(), "org_id": current_org(db), "created_at": now, "updated_at": now}
    with _unique("uq_course_org_id_code", CourseCodeTaken):
        course = db.execute(insert(Course).values(values).returning(Course)).scalar_one()
    events.record(db, actor, now, _course_fact("created", course))
    return course


def change_course(
    db: Session,
    course_id: uuid.UUID,
    changes: CourseChanges,
    *,
    expected: Collection[int] | None,
    actor: Actor,
    now: datetime,
) -> Course:
    """Change the given fields; a value equal to the present one is no change.

    expected: the revisions on which the caller's change may be based; None: any. Raises NotFound, Stale,
    CourseArchived, CourseCodeTaken.
    """
    course = _locked(db, course_id, expected)
    _check_not_archived(course)
    former = _apply(course, changes.model_dump(exclude_unset=True))
    if not former:
        return course
    with _unique("uq_course_org_id_code", CourseCodeTaken):
        _touch(db, course, now)
    events.record(db, actor, now, _course_fact("changed", course, former))
    return course


def archive_course(db: Session, course_id: uuid.UUID, actor: Actor, now: datetime) -> Course:
    """Archive a course for good. Its versions and everything bound to them stay. Archiving again does nothing.

    Raises NotFound.
    """
    course = _locked(db, course_id)
    if course.archived_at is None:
        course.archived_at = now
        _touch(db, course, now)
        events.record(db, actor, now, _course_fact("archived", course))
    return course


def draft_version(
    db: Session, course_id: uuid.UUID, request: VersionRequest, actor: Actor, now: datetime
) -> CourseVersion:
    """Add a draft, or a retired version. Raises NotFound, CourseArchived, VersionLabelTaken."""
    _check_not_archived(_locked(db, course_id))
    values = {**_plain(request), "org_id": current_org(db), "course_id": course_id, "created_at": now}
    values["state"] = VersionState.RETIRED if values.pop("retired") else VersionState.DRAFT
    with _unique("uq_course_version_org_id_course_id_label", VersionLabelTaken):
        version = db.execute(insert(CourseVersion).values(values).returning(CourseVersion)).scalar_one()
    drafted = version.state == VersionState.DRAFT
    events.record(db, actor, now, _version_fact("drafted", version) if drafted else _version_fact("retired", version))
    return version


def change_version(
    db: Session, course_id: uuid.UUID, version_id: uuid.UUID, changes: VersionChanges, actor: Actor, now: datetime
) -> CourseVersion:
    """Change the given fields of a draft.

    Raises NotFound, CourseArchived, VersionPublished, VersionRetired, VersionLabelTaken.
    """
    _check_not_archived(_locked(db, course_id))
    version = queries.get_version(db, course_id, version_id)
    _check_not_retired(version)
    if version.state != VersionState.DRAFT:
        raise VersionPublished
    former = _apply(version, _plain(changes))
    if former:
        with _unique("uq_course_version_org_id_course_id_label", VersionLabelTaken):
            db.flush()
        events.record(db, actor, now, _version_fact("changed", version, former))
    return version


def publish_version(
    db: Session, course_id: uuid.UUID, version_id: uuid.UUID, actor: Actor, now: datetime
) -> CourseVersion:
    """Make a draft the active version and supersede the former one; no assignment is rewritten.

    Publishing the active version again does nothing, so that a request whose response was lost can be repeated. Raises
    NotFound, CourseArchived, VersionRetired, and VersionPublished for a superseded version.
    """
    course = _locked(db, course_id)
    _check_not_archived(course)
    version = queries.get_version(db, course_id, version_id)
    _check_not_retired(version)
    if version.state == VersionState.ACTIVE:
        return version
    if version.state == VersionState.SUPERSEDED:
        raise VersionPublished
    superseded = _supersede(db, course_id)
    version.state, version.published_at, version.published_by = VersionState.ACTIVE, now, actor.id
    version.title, version.code, version.description = course.title, course.code, course.description
    _touch(db, course, now)  # its active version is part of the course as clients read it
    events.record(db, actor, now, *superseded, _version_fact("published", version))
    return version


def _locked(db: Session, course_id: uuid.UUID, expected: Collection[int] | None = None) -> Course:
    """Lock a course until the end of this transaction and return it as it is now. Raises NotFound, Stale.

    Other transactions may go on assigning it: they insert rows that point at it.
    """
    one = select(Course).where(Course.org_id == current_org(db), Course.id == course_id)
    return locking.locked(db, one, "course", expected=expected, key_share=True)


def _check_not_archived(course: Course) -> None:
    if course.archived_at is not None:
        raise CourseArchived


def _check_not_retired(version: CourseVersion) -> None:
    if version.state == VersionState.RETIRED:
        raise VersionRetired


def _supersede(db: Session, course_id: uuid.UUID) -> list[Fact]:
    """Supersede the active version, if any, before another one becomes active: the unique index allows only one."""
    superseded = db.scalars(
        update(CourseVersion)
        .where(
            CourseVersion.org_id == current_org(db),
            CourseVersion.course_id == course_id,
            CourseVersion.state == VersionState.ACTIVE,
        )
        .values(state=VersionState.SUPERSEDED)
        .returning(CourseVersion)
    )
    return [_version_fact("superseded", version) for version in superseded]


def _plain(request: VersionRequest | VersionChanges) -> dict[str, Any]:
    """Returns the given fields as column values, with materials in their JSON form."""
    values = request.model_dump(exclude_unset=isinstance(request, VersionChanges))
    if request.materials is not None and "materials" in values:
        values["materials"] = [material.model_dump(by_alias=True) for material in request.materials]
    return values


def _apply(row: Course | CourseVersion, values: dict[str, Any]) -> dict[str, Any]:
    """Set the values that differ from the present ones. Returns the former values, by their JSON names."""
    former = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    for name in former:
        setattr(row, name, values[name])
    return {to_camel(name): value for name, value in former.items()}


def _touch(db: Session, course: Course, now: datetime) -> None:
    """Write the course's changes with its next revision number."""
    course.revision += 1
    course.updated_at = now
    db.flush()


@contextmanager
def _unique(constraint: str, taken: Callable[[], Conflict]) -> Iterator[None]:
    """Raise `taken` if the block violates a unique constraint. Only the database can decide this between two racers."""
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == constraint:
            raise taken() from error
        raise


def _course_fact(what: str, course: Course, former: dict[str, Any] | None = None) -> Fact:
    return Fact(f"course.{what}", f"course/{course.id}", _changes(former))


def _version_fact(what: str, version: CourseVersion, former: dict[str, Any] | None = None) -> Fact:
    data = {"courseId": str(version.course_id), **_changes(former)}
    return Fact(f"course_version.{what}", f"course_version/{version.id}", data)


def _changes(former: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the data of a change. The catalogue holds nothing personal, so events may keep its former values."""
    return {} if former is None else {"changed": sorted(former), "former": former}
