"""The catalogue at the front desk: courses, and their versions from draft to published."""

import uuid
from typing import Annotated

from fastapi import Query, Response, status
from sqlalchemy.orm import Session

from api.dependencies import DEFAULT_LIMIT, CurrentCaller, Cursor, Db, Limit, Now, allow
from api.etags import Expected, etag
from api.routing import Router
from shared import catalogue
from shared.access import Permission
from shared.catalogue import (
    Course,
    CourseAnswer,
    CourseChanges,
    CourseRequest,
    VersionAnswer,
    VersionChanges,
    VersionRequest,
    VersionState,
)
from shared.pagination import page
from shared.wire import Line, Listing

router = Router("/v1/courses", "catalogue")

READS = allow(Permission.VIEW, Permission.ADMIN)
WRITES = allow(Permission.ADMIN)

CoursesListing = Listing[CourseAnswer]
VersionsListing = Listing[VersionAnswer]


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[WRITES])
def create_course(body: CourseRequest, response: Response, db: Db, caller: CurrentCaller, now: Now) -> CourseAnswer:
    """Add a course. 409 `course-code-taken` where the organization has the code already."""
    course = catalogue.create_course(db, body, caller.actor, now)
    response.headers["Location"] = f"/v1/courses/{course.id}"
    return _answer(db, course.id, response)


@router.get("", dependencies=[READS])
def list_courses(
    db: Db,
    q: Annotated[Line | None, Query(description="A part of the title, or the beginning of the code.")] = None,
    archived: Annotated[bool, Query(description="The archived courses instead of those in use.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CoursesListing:
    """Courses, by title."""
    found = page(db, catalogue.courses(db, archived=archived, q=q), limit=limit, cursor=cursor)
    return CoursesListing(items=[CourseAnswer.of(*row) for row in found.items], next_cursor=found.next_cursor)


@router.get("/{course_id}", dependencies=[READS])
def read_course(course_id: uuid.UUID, response: Response, db: Db) -> CourseAnswer:
    """One course, archived or not. Its ETag goes into the If-Match of a change."""
    return _answer(db, course_id, response)


@router.patch("/{course_id}", dependencies=[WRITES])
def change_course(
    course_id: uuid.UUID,
    body: CourseChanges,
    expected: Expected,
    response: Response,
    db: Db,
    caller: CurrentCaller,
    now: Now,
) -> CourseAnswer:
    """Change the given fields. 412 when `If-Match` is stale, 409 when the course is archived or the code is taken."""
    catalogue.change_course(db, course_id, body, expected=expected, actor=caller.actor, now=now)
    return _answer(db, course_id, response)


@router.post("/{course_id}/archive", dependencies=[WRITES])
def archive_course(course_id: uuid.UUID, response: Response, db: Db, caller: CurrentCaller, now: Now) -> CourseAnswer:
    """Take a course out of use for good. What was assigned stays. Again: the same answer."""
    catalogue.archive_course(db, course_id, caller.actor, now)
    return _answer(db, course_id, response)


@router.post("/{course_id}/versions", status_code=status.HTTP_201_CREATED, dependencies=[WRITES])
def draft_version(
    course_id: uuid.UUID, body: VersionRequest, response: Response, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Draft a version. 409 `version-label-taken` where the course has the label already."""
    version = catalogue.draft_version(db, course_id, body, caller.actor, now)
    response.headers["Location"] = f"/v1/courses/{course_id}/versions/{version.id}"
    return VersionAnswer.model_validate(version)


@router.get("/{course_id}/versions", dependencies=[READS])
def list_versions(
    course_id: uuid.UUID,
    db: Db,
    state: Annotated[VersionState | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> VersionsListing:
    """The versions of a course, the newest first."""
    catalogue.course(db, course_id)
    found = page(db, catalogue.versions(db, course_id, state=state), limit=limit, cursor=cursor)
    items = [VersionAnswer.model_validate(version) for version in found.items]
    return VersionsListing(items=items, next_cursor=found.next_cursor)


@router.get("/{course_id}/versions/{version_id}", dependencies=[READS])
def read_version(course_id: uuid.UUID, version_id: uuid.UUID, db: Db) -> VersionAnswer:
    """One version, in whatever state."""
    return VersionAnswer.model_validate(catalogue.version(db, course_id, version_id))


@router.patch("/{course_id}/versions/{version_id}", dependencies=[WRITES])
def change_version(
    course_id: uuid.UUID, version_id: uuid.UUID, body: VersionChanges, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Change the given fields of a draft. 409 `version-published` for any other."""
    version = catalogue.change_version(db, course_id, version_id, body, caller.actor, now)
    return VersionAnswer.model_validate(version)


@router.post("/{course_id}/versions/{version_id}/publish", dependencies=[WRITES])
def publish_version(
    course_id: uuid.UUID, version_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Make a draft the active version and the former one superseded. Again: the same answer.

    No assignment is rewritten. 409 `version-published` for a superseded version, `course-archived` where that is so.
    """
    version = catalogue.publish_version(db, course_id, version_id, caller.actor, now)
    return VersionAnswer.model_validate(version)


def _answer(db: Session, course_id: uuid.UUID, response: Response) -> CourseAnswer:
    course: Course
    course, active = catalogue.course(db, course_id)
    response.headers["ETag"] = etag(course.revision)
    return CourseAnswer.of(course, active)
