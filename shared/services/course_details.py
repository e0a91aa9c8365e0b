"""A course as people read it: its versions, who owes it and who is licensed, and what publishing a version would do."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from shared import access
from shared.access import Caller, Permission
from shared.assignments import AssignmentState, Sort
from shared.assignments import Filters as OfAssignments
from shared.catalogue import CourseAnswer, CourseChanges, CourseRequest, CourseVersion, VersionAnswer
from shared.events import Filters as OfEvents
from shared.licences import Filters as OfLicences
from shared.licences import LicenceState
from shared.licences import Sort as SortOfLicences
from shared.pagination import count, counted, page
from shared.services.assignments import list_assignments
from shared.services.catalogue import SEES, Shown, change_course, get_course, get_version, list_versions
from shared.services.licences import list_licences
from shared.services.naming import History, read_history
from shared.services.sessions import list_sessions
from shared.services.verbs import verb
from shared.sessions import Filters as OfSessions
from shared.sessions import SessionState

MOST_VERSIONS, MOST_EVENTS = 50, 20
"""The newest versions and events that the page of a course shows."""


class Numbers(NamedTuple):
    """Numbers of a course in the caller's scope, each at most one more than is counted.

    licensed: licences that count and have not ended. scheduled: sessions.
    """

    open: int
    overdue: int
    completed: int
    licensed: int
    scheduled: int


@dataclass(frozen=True)
class CourseDetails:
    """A course, and what happened to it."""

    course: CourseAnswer
    revision: int
    versions: list[VersionAnswer]
    numbers: Numbers
    history: History


@verb(*SEES)
def get_course_details(db: Session, caller: Caller, course_id: uuid.UUID, now: datetime) -> CourseDetails:
    """Return one course with everything that its page shows. Raises NotFound."""
    row = get_course(db, caller, course_id)
    versions = page(db, list_versions(db, caller, course_id, None), limit=MOST_VERSIONS, cursor=None).items
    publishers = {f"member/{one.published_by}" for one in versions if one.published_by}
    return CourseDetails(
        course=CourseAnswer.of(*row),
        revision=row[0].revision,
        versions=[VersionAnswer.model_validate(one) for one in versions],
        numbers=_numbers(db, caller, course_id, now),
        history=read_history(db, caller, OfEvents(subject=f"course/{course_id}"), MOST_EVENTS, publishers),
    )


class Publication(NamedTuple):
    """A draft that would be published: its course, and the draft."""

    details: CourseDetails
    draft: VersionAnswer


@verb(Permission.ADMIN)
def get_publication(
    db: Session, caller: Caller, course_id: uuid.UUID, version_id: uuid.UUID, now: datetime
) -> Publication:
    """Return what publishing a version would meet: the state of its course now. Raises NotFound."""
    version = get_version(db, caller, course_id, version_id)
    return Publication(get_course_details(db, caller, course_id, now), VersionAnswer.model_validate(version))


# --- what the forms of the catalogue show. Each needs what the act needs, so that nobody fills in a form in vain.

UNNAMED = ("title", "code", "description", "mode")
"""The fields of a course that have no default."""


@verb(Permission.ADMIN)
def default_course(_: Session, __: Caller) -> dict[str, Any]:
    """Return the values that a new course has unless the request says otherwise, by their names in JSON."""
    fields = CourseRequest.model_fields.items()
    return {str(field.alias): field.default for name, field in fields if name not in UNNAMED}


@verb(Permission.ADMIN)
def get_course_to_change(db: Session, caller: Caller, course_id: uuid.UUID) -> Shown:
    """Return a course whose names and mode would be changed. Raises NotFound."""
    return get_course(db, caller, course_id)


@verb(Permission.ADMIN)
def get_draft(
    db: Session, caller: Caller, course_id: uuid.UUID, version_id: uuid.UUID | None
) -> tuple[Shown, CourseVersion | None]:
    """Return a course and one of its versions, None for a new one. Raises NotFound."""
    course = get_course(db, caller, course_id)
    return course, None if version_id is None else get_version(db, caller, course_id, version_id)


@verb(Permission.ADMIN, whole=True)
def get_policy(db: Session, caller: Caller, course_id: uuid.UUID) -> Shown:
    """Return a course whose rules for licences would be changed. Raises NotFound."""
    return get_course(db, caller, course_id)


@verb(Permission.ADMIN, whole=True)
def change_policy(
    db: Session, caller: Caller, course_id: uuid.UUID, body: CourseChanges, expected: frozenset[int], now: datetime
) -> Shown:
    """Change a course's rules for licences, which hold for every party. Raises as `change_course`."""
    return change_course(db, caller, course_id, body, expected, now)


def _numbers(db: Session, caller: Caller, course_id: uuid.UUID, now: datetime) -> Numbers:
    today = access.today(db, now)

    def assignments(state: AssignmentState, overdue: bool | None = None) -> OfAssignments:
        return OfAssignments(today, course_id=course_id, state=state, overdue=overdue)

    rows = [
        list_assignments(db, caller, filters, Sort.NEWEST)
        for filters in (
            assignments(AssignmentState.ASSIGNED),
            assignments(AssignmentState.ASSIGNED, overdue=True),
            assignments(AssignmentState.COMPLETED),
        )
    ]
    active = OfLicences(now, course_id=course_id, state=LicenceState.ACTIVE)
    scheduled = OfSessions(course_id=course_id, state=SessionState.SCHEDULED)
    others = (list_licences(db, caller, active, SortOfLicences.NEWEST), list_sessions(db, caller, scheduled))
    return Numbers(*count(db, rows[0], *(counted(one) for one in (*rows[1:], *others))))
