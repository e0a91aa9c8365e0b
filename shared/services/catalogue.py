"""The catalogue: courses, and their versions from draft to published."""

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import catalogue
from shared.access import Caller, Permission, PermissionDenied
from shared.catalogue import (
    Course,
    CourseChanges,
    CourseRequest,
    CourseVersion,
    VersionChanges,
    VersionRequest,
    VersionState,
)
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.ADMIN)

POLICY = CourseChanges.model_fields.keys() - {"title", "code", "description", "mode"}
"""The fields of a course that decide about licences."""

Shown = Row[Course, CourseVersion | None]
"""A course with its active version, if it has one."""


@verb(Permission.ADMIN)
def create_course(db: Session, caller: Caller, body: CourseRequest, now: datetime) -> Shown:
    """Add a course. Raises CourseCodeTaken."""
    course = catalogue.create_course(db, body, caller.actor, now)
    return catalogue.get_course(db, course.id)


@verb(*SEES)
def list_courses(db: Session, _: Caller, *, archived: bool, q: str | None) -> Select[Course, CourseVersion | None]:
    """Select courses, by title. archived: the archived courses instead of the others. q: text to search for."""
    return catalogue.list_courses(db, archived=archived, q=q)


@verb(*SEES)
def get_course(db: Session, _: Caller, course_id: uuid.UUID) -> Shown:
    """Return one course, archived or not. Raises NotFound."""
    return catalogue.get_course(db, course_id)


@verb()
def names_of_courses(
    db: Session, _: Caller, course_ids: Collection[uuid.UUID], version_ids: Collection[uuid.UUID]
) -> dict[str, tuple[str, ...]]:
    """Return the names of courses and versions by id, to write beside ids in an export.

    Those of a course are title and code, those of a version label, title and code, as they were when it was published.

    Needs no permission: whoever may read a record may read which course it is about.
    """
    courses = catalogue.courses_by_id(db, course_ids)
    versions = catalogue.names_of_versions(db, version_ids)
    named: dict[str, tuple[str, ...]] = {str(each): (course.title, course.code) for each, course in courses.items()}
    return named | {str(each): names for each, names in versions.items()}


@verb(Permission.ADMIN)
def change_course(
    db: Session,
    caller: Caller,
    course_id: uuid.UUID,
    body: CourseChanges,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Change the given fields. Raises NotFound, Stale, CourseArchived, CourseCodeTaken.

    The policy of a course holds for every party, so a caller limited to folders cannot change it: PermissionDenied.
    """
    if caller.folders is not None and body.model_fields_set & POLICY:
        raise PermissionDenied("The policy concerns the whole organization, and you are limited to folders.")
    catalogue.change_course(db, course_id, body, expected=expected, actor=caller.actor, now=now)
    return catalogue.get_course(db, course_id)


@verb(Permission.ADMIN)
def archive_course(db: Session, caller: Caller, course_id: uuid.UUID, now: datetime) -> Shown:
    """Archive a course for good. Its assignments stay. Does nothing if it is archived. Raises NotFound."""
    catalogue.archive_course(db, course_id, caller.actor, now)
    return catalogue.get_course(db, course_id)


@verb(Permission.ADMIN)
def draft_version(
    db: Session, caller: Caller, course_id: uuid.UUID, body: VersionRequest, now: datetime
) -> CourseVersion:
    """Draft a version. Raises NotFound, CourseArchived, VersionLabelTaken."""
    return catalogue.draft_version(db, course_id, body, caller.actor, now)


@verb(*SEES)
def list_versions(db: Session, _: Caller, course_id: uuid.UUID, state: VersionState | None) -> Select[CourseVersion]:
    """Select the versions of a course, the newest first. Raises NotFound."""
    catalogue.get_course(db, course_id)
    return catalogue.list_versions(db, course_id, state=state)


@verb(*SEES)
def get_version(db: Session, _: Caller, course_id: uuid.UUID, version_id: uuid.UUID) -> CourseVersion:
    """Return one version, in any state. Raises NotFound."""
    return catalogue.get_version(db, course_id, version_id)


@verb(Permission.ADMIN)
def change_version(
    db: Session, caller: Caller, course_id: uuid.UUID, version_id: uuid.UUID, body: VersionChanges, now: datetime
) -> CourseVersion:
    """Change the given fields of a draft. Raises NotFound, CourseArchived, VersionPublished, VersionLabelTaken."""
    return catalogue.change_version(db, course_id, version_id, body, caller.actor, now)


@verb(Permission.ADMIN)
def publish_version(
    db: Session, caller: Caller, course_id: uuid.UUID, version_id: uuid.UUID, now: datetime
) -> CourseVersion:
    """Make a draft the active version, and the former one superseded. Assignments keep their version.

    Does nothing if the version is active. Raises NotFound, CourseArchived, VersionPublished for a superseded version.
    """
    return catalogue.publish_version(db, course_id, version_id, caller.actor, now)
