"""The events of the catalogue and of assignments."""

from typing import Any, Literal

from shared.events.vocabulary.declaring import (
    COURSE,
    JOB,
    SYSTEM,
    UUID,
    VERSION,
    Absent,
    Changed,
    Data,
    EventType,
    Former,
    PartyData,
    Reason,
    date,
    datetime,
)


class CourseChanged(Data, Changed):
    """Fields of a course, and what they were."""

    former: Former


class Version(Data):
    """The course of a version."""

    course_id: UUID


class VersionChanged(Version, Changed):
    """Fields of a draft, and what they were."""

    former: Former


class AssignmentCreated(PartyData):
    """job_id: the job that made it. reassigned_from: the assignment it takes the place of."""

    course_id: UUID
    course_version_id: UUID
    due_on: date | None
    job_id: UUID | Absent = None
    reassigned_from: UUID | Absent = None


class OneAssignment(PartyData):
    """The course is told where one assignment was acted on; where a job acted on many, the job is."""

    course_id: UUID | Absent = None
    course_version_id: UUID | Absent = None
    job_id: UUID | Absent = None


class AssignmentChanged(OneAssignment):
    """The new values of what was changed, and the former ones."""

    due_on: date | None = None
    reason: Reason | Absent = None
    former: Former


class AssignmentCompleted(OneAssignment):
    """occurred_on: the day it happened, in the organization's time zone. public_session_id: of the Public Sessions
    system, if it completed it. session_id: the session, if one did."""

    method: Literal["on_behalf", "self", "session_link", "session"]
    occurred_on: date
    public_session_id: str | Absent = None
    session_id: UUID | Absent = None


class AssignmentClosed(OneAssignment):
    """undo_of: the job that was taken back by it."""

    reason: Reason
    undo_of: UUID | Absent = None


class AssignmentReassigned(OneAssignment):
    """reassigned_to: the other party's new assignment."""

    reason: Reason
    reassigned_to: UUID


class AssignmentReopened(OneAssignment):
    """former: how it had ended; where a job reopened many, their own earlier events tell. session_id: of the session
    that had completed it, where an amendment says that the party was not there."""

    reason: Reason
    session_id: UUID | Absent = None
    undo_of: UUID | Absent = None
    former: Former | Absent = None


class DueSoon(PartyData):
    """days_left: until the due date, in the organization's time zone."""

    course_id: UUID
    course_version_id: UUID
    due_on: date
    days_left: int


class Overdue(PartyData):
    """days_over: since the due date, in the organization's time zone."""

    course_id: UUID
    course_version_id: UUID
    due_on: date
    days_over: int


class LinkMinted(PartyData):
    """When the link stops working. The link itself stands nowhere."""

    expires_at: datetime


ABOUT: dict[str, Any] = {"courseId": COURSE, "courseVersionId": VERSION}

TRAINING = (
    EventType("course.created", "A course was added to the catalogue.", Data, {}),
    EventType(
        "course.changed",
        "Fields of a course were changed.",
        CourseChanged,
        {"changed": ["title"], "former": {"title": "H2S response"}},
    ),
    EventType("course.archived", "A course was taken out of use for good.", Data, {}),
    EventType("course_version.drafted", "A version of a course was drafted.", Version, {"courseId": COURSE}),
    EventType(
        "course_version.changed",
        "Fields of a draft were changed.",
        VersionChanged,
        {"courseId": COURSE, "changed": ["label"], "former": {"label": "v3.1"}},
    ),
    EventType(
        "course_version.published", "A version became the active one of its course.", Version, {"courseId": COURSE}
    ),
    EventType(
        "course_version.superseded", "Another version became active instead of this one.", Version, {"courseId": COURSE}
    ),
    EventType(
        "assignment.created",
        "A party owes a course version.",
        AssignmentCreated,
        ABOUT | {"dueOn": "2026-06-30", "jobId": JOB},
    ),
    EventType(
        "assignment.changed",
        "The due date or the reason of an assignment was changed.",
        AssignmentChanged,
        ABOUT | {"dueOn": "2026-07-31", "former": {"dueOn": "2026-06-30"}},
    ),
    EventType(
        "assignment.completed",
        "A party completed what it owed.",
        AssignmentCompleted,
        ABOUT | {"method": "on_behalf", "occurredOn": "2026-05-09"},
    ),
    EventType(
        "assignment.closed",
        "A party owes it no more, without having completed it.",
        AssignmentClosed,
        ABOUT | {"reason": "Left the project"},
    ),
    EventType(
        "assignment.reassigned",
        "An assignment was closed, and another party owes the same instead.",
        AssignmentReassigned,
        ABOUT | {"reason": "Change of crew", "reassignedTo": "019aa7c9-44dd-7e6f-9a71-5c9d4e8f3a40"},
    ),
    EventType(
        "assignment.reopened",
        "A party owes again what was completed or closed.",
        AssignmentReopened,
        ABOUT | {"reason": "Signed off by mistake", "former": {"state": "completed", "completionMethod": "on_behalf"}},
    ),
    EventType(
        "assignment.due_soon",
        "The due date of an open assignment is near.",
        DueSoon,
        ABOUT | {"dueOn": "2026-06-30", "daysLeft": 7},
        SYSTEM,
    ),
    EventType(
        "assignment.overdue",
        "The due date of an open assignment has passed.",
        Overdue,
        ABOUT | {"dueOn": "2026-06-30", "daysOver": 1},
        SYSTEM,
    ),
    EventType(
        "assignment.session_link_minted",
        "A session link was made by hand.",
        LinkMinted,
        {"expiresAt": "2026-05-01T08:00:00+00:00"},
    ),
)
