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
    """The changed fields of a course and their former values."""

    former: Former


class Version(Data):
    """course_id: the course of the version."""

    course_id: UUID


class VersionChanged(Version, Changed):
    """The changed fields of a draft and their former values."""

    former: Former


class AssignmentCreated(PartyData):
    """job_id: the job that created the assignment. reassigned_from: the assignment that it replaces."""

    course_id: UUID
    course_version_id: UUID
    due_on: date | None
    job_id: UUID | Absent = None
    reassigned_from: UUID | Absent = None


class OneAssignment(PartyData):
    """course_id, course_version_id: if a single assignment was changed. job_id: if a job changed many."""

    course_id: UUID | Absent = None
    course_version_id: UUID | Absent = None
    job_id: UUID | Absent = None


class AssignmentChanged(OneAssignment):
    """The new values of the changed fields, and the former values. why: the reason of a bulk change.

    undo_of: the job that was undone by changing it back.
    """

    due_on: date | None = None
    reason: Reason | Absent = None
    why: Reason | Absent = None
    undo_of: UUID | Absent = None
    former: Former


class AssignmentCompleted(OneAssignment):
    """occurred_on: the day of the completion, in the organization's time zone. public_session_id: the session in the
    Public Sessions system that completed it, if any. session_id: the session that completed it, if any.
    link_minted_by: the member who minted the session link by hand, if one did. undo_of: the job that had reopened it,
    if that was undone."""

    method: Literal["on_behalf", "self", "session_link", "session"]
    occurred_on: date
    public_session_id: str | Absent = None
    link_minted_by: str | Absent = None
    session_id: UUID | Absent = None
    undo_of: UUID | Absent = None


class AssignmentClosed(OneAssignment):
    """undo_of: the job that was undone by closing it. merged_with: of merged parties, the assignment that stays."""

    reason: Reason
    undo_of: UUID | Absent = None
    merged_with: UUID | Absent = None


class AssignmentReassigned(OneAssignment):
    """reassigned_to: the other party's new assignment."""

    reason: Reason
    reassigned_to: UUID


class AssignmentReopened(OneAssignment):
    """former: how the assignment had ended; absent if a job reopened many, because their earlier events have it.
    session_id: the session that had completed it, if an amendment of that session removed the party."""

    reason: Reason
    session_id: UUID | Absent = None
    undo_of: UUID | Absent = None
    former: Former | Absent = None


class AssignmentReminded(OneAssignment):
    """due_on: the due date, null if there is none."""

    due_on: date | None


class DueSoon(PartyData):
    """days_left: days until the due date, in the organization's time zone."""

    course_id: UUID
    course_version_id: UUID
    due_on: date
    days_left: int


class Overdue(PartyData):
    """days_over: days since the due date, in the organization's time zone."""

    course_id: UUID
    course_version_id: UUID
    due_on: date
    days_over: int


class LinkMinted(PartyData):
    """expires_at: when the link stops working. No event holds the link itself."""

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
        "course_version.retired",
        "A version was added that only records of the past belong to.",
        Version,
        {"courseId": COURSE},
    ),
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
        "A course version was assigned to a party.",
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
        "An assignment was completed.",
        AssignmentCompleted,
        ABOUT | {"method": "on_behalf", "occurredOn": "2026-05-09"},
    ),
    EventType(
        "assignment.closed",
        "An assignment was closed without having been completed.",
        AssignmentClosed,
        ABOUT | {"reason": "Left the project"},
    ),
    EventType(
        "assignment.reassigned",
        "An assignment was closed, and the course version was assigned to another party instead.",
        AssignmentReassigned,
        ABOUT | {"reason": "Change of crew", "reassignedTo": "019aa7c9-44dd-7e6f-9a71-5c9d4e8f3a40"},
    ),
    EventType(
        "assignment.reopened",
        "A completed or closed assignment was reopened.",
        AssignmentReopened,
        ABOUT | {"reason": "Signed off by mistake", "former": {"state": "completed", "completionMethod": "on_behalf"}},
    ),
    EventType(
        "assignment.reminded",
        "A member reminds the party of an open assignment.",
        AssignmentReminded,
        ABOUT | {"dueOn": "2026-06-30", "jobId": JOB},
    ),
    EventType(
        "assignment.due_soon",
        "An open assignment is due in `daysLeft` days.",
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
        "A member created a session link.",
        LinkMinted,
        {"expiresAt": "2026-05-01T08:00:00+00:00"},
    ),
)
