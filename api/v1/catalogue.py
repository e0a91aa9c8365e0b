"""The catalogue: courses, and their versions from draft to published."""

import uuid
from typing import Annotated

from fastapi import Query, Response, status

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.filtering import CourseFilters
from api.http.lists import AskedList
from api.http.once import ONCE, again
from api.http.routing import Router
from api.v1.etags import Expected, etag
from shared.catalogue import (
    CourseAnswer,
    CourseChanges,
    CourseRequest,
    VersionAnswer,
    VersionChanges,
    VersionRequest,
    VersionState,
)
from shared.services import catalogue
from shared.services.catalogue import Shown
from shared.wire import Listing

router = Router("/v1/courses", "catalogue")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=again(CourseAnswer),
    dependencies=[allow(catalogue.create_course), ONCE],
)
def create_course(body: CourseRequest, response: Response, db: Db, caller: CurrentCaller, now: Now) -> CourseAnswer:
    """Add a course. 409 `course-code-taken` if another course of the organization has the code."""
    course = catalogue.create_course(db, caller, body, now)
    response.headers["Location"] = f"/v1/courses/{course[0].id}"
    return _answer(course, response)


@router.get("", dependencies=[allow(catalogue.list_courses)])
def list_courses(
    asked: AskedList,
    filters: CourseFilters,
) -> Listing[CourseAnswer]:
    """Courses, by title."""
    rows = catalogue.list_courses(asked.db, asked.caller, **filters._asdict())
    return asked.page(rows, CourseAnswer, lambda row: CourseAnswer.of(*row))


@router.get("/{course_id}", dependencies=[allow(catalogue.get_course)])
def read_course(course_id: uuid.UUID, response: Response, db: Db, caller: CurrentCaller) -> CourseAnswer:
    """One course, archived or not. Send its `ETag` as `If-Match` to change it."""
    return _answer(catalogue.get_course(db, caller, course_id), response)


@router.patch("/{course_id}", dependencies=[allow(catalogue.change_course)])
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
    return _answer(catalogue.change_course(db, caller, course_id, body, expected, now), response)


@router.post("/{course_id}/archive", dependencies=[allow(catalogue.archive_course)])
def archive_course(course_id: uuid.UUID, response: Response, db: Db, caller: CurrentCaller, now: Now) -> CourseAnswer:
    """Archive a course for good. Its assignments stay. Repeated, it returns the same answer."""
    return _answer(catalogue.archive_course(db, caller, course_id, now), response)


@router.post(
    "/{course_id}/versions",
    status_code=status.HTTP_201_CREATED,
    responses=again(VersionAnswer),
    dependencies=[allow(catalogue.draft_version), ONCE],
)
def draft_version(
    course_id: uuid.UUID, body: VersionRequest, response: Response, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Draft a version. 409 `version-label-taken` if another version of the course has the label."""
    version = catalogue.draft_version(db, caller, course_id, body, now)
    response.headers["Location"] = f"/v1/courses/{course_id}/versions/{version.id}"
    return VersionAnswer.model_validate(version)


@router.get("/{course_id}/versions", dependencies=[allow(catalogue.list_versions)])
def list_versions(
    asked: AskedList, course_id: uuid.UUID, state: Annotated[VersionState | None, Query()] = None
) -> Listing[VersionAnswer]:
    """The versions of a course, the newest first."""
    rows = catalogue.list_versions(asked.db, asked.caller, course_id, state)
    return asked.page(rows, VersionAnswer, VersionAnswer.model_validate)


@router.get("/{course_id}/versions/{version_id}", dependencies=[allow(catalogue.get_version)])
def read_version(course_id: uuid.UUID, version_id: uuid.UUID, db: Db, caller: CurrentCaller) -> VersionAnswer:
    """One version, in any state."""
    return VersionAnswer.model_validate(catalogue.get_version(db, caller, course_id, version_id))


@router.patch("/{course_id}/versions/{version_id}", dependencies=[allow(catalogue.change_version)])
def change_version(
    course_id: uuid.UUID, version_id: uuid.UUID, body: VersionChanges, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Change the given fields of a draft. 409 `version-published` for a version that is no draft."""
    return VersionAnswer.model_validate(catalogue.change_version(db, caller, course_id, version_id, body, now))


@router.post("/{course_id}/versions/{version_id}/publish", dependencies=[allow(catalogue.publish_version)])
def publish_version(
    course_id: uuid.UUID, version_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now
) -> VersionAnswer:
    """Make a draft the active version, and the former one superseded. Assignments keep their version.

    Repeated, it returns the same answer. 409 `version-published` for a superseded version, `course-archived` for an
    archived course.
    """
    return VersionAnswer.model_validate(catalogue.publish_version(db, caller, course_id, version_id, now))


def _answer(shown: Shown, response: Response) -> CourseAnswer:
    response.headers["ETag"] = etag(shown[0].revision)
    return CourseAnswer.of(*shown)
