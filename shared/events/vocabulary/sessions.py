"""The events of sessions and their rosters. No event holds the place of a session or the link to join it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.events.vocabulary.core import Counts
from shared.events.vocabulary.declaring import (
    COURSE,
    JOB,
    UUID,
    VERSION,
    Absent,
    Changed,
    Data,
    EventType,
    PartyData,
    Reason,
    datetime,
)

Mode = Literal["online", "in_person"]
Attendance = Literal["attended", "absent", "excused"]


class OfSession(Data):
    """The course and the version that the session is bound to."""

    course_id: UUID
    course_version_id: UUID


class OfEntry(PartyData):
    """The same for a party on the roster."""

    course_id: UUID
    course_version_id: UUID


class Scheduled(OfSession):
    """time_zone: the zone in which the times are shown. capacity: null: any number of parties."""

    mode: Mode
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    capacity: int | None


class FormerSession(BaseModel):
    """The former values of the changed fields, except the place and the link, which are only named in `changed`."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid")

    mode: Mode | Absent = None
    starts_at: datetime | Absent = None
    ends_at: datetime | Absent = None
    time_zone: str | Absent = None
    capacity: int | None = None


class SessionChanged(OfSession, Changed):
    """The changed fields and their former values."""

    former: FormerSession


class Cancelled(OfSession):
    """reason: why the session will not take place."""

    reason: Reason


class Reinstated(OfSession):
    """reason: why the session takes place after all."""

    reason: Reason


class Undone(OfSession):
    """job_id: the job that took back what the completion gave. undo_of: the job of the completion.

    state: `scheduled` if nobody is left licensed by the session, else `completed`.
    """

    job_id: UUID
    undo_of: UUID
    state: Literal["scheduled", "completed"]


class Withdrawn(OfSession):
    """job_id: the job that was rejected, or cancelled before it changed anything."""

    job_id: UUID


class Completed(OfSession):
    """granted_at: the instant of every licence granted. counts: the job's recipients by outcome."""

    job_id: UUID
    granted_at: datetime
    counts: Counts


class Amended(OfSession):
    """job_id: the job of the amendment. added, removed: numbers of parties."""

    job_id: UUID
    reason: Reason
    added: int
    removed: int


class FormerAttendance(BaseModel):
    """The attendance recorded before; `attended` if none was, because it counts as that."""

    model_config = ConfigDict(extra="forbid")

    attendance: Attendance


class AttendanceRecorded(OfEntry):
    """attendance: as it is now recorded."""

    attendance: Attendance
    former: FormerAttendance


ABOUT: dict[str, Any] = {"courseId": COURSE, "courseVersionId": VERSION}
STARTS, ENDS = "2026-05-09T07:00:00+00:00", "2026-05-09T14:00:00+00:00"
ZONE = {"timeZone": "Europe/Oslo"}

SESSIONS = (
    EventType(
        "session.scheduled",
        "A session was scheduled.",
        Scheduled,
        ABOUT | ZONE | {"mode": "in_person", "startsAt": STARTS, "endsAt": ENDS, "capacity": 40},
    ),
    EventType(
        "session.changed",
        "A scheduled session was changed.",
        SessionChanged,
        ABOUT | {"changed": ["location", "startsAt"], "former": {"startsAt": STARTS}},
    ),
    EventType("session.cancelled", "A session was cancelled.", Cancelled, ABOUT | {"reason": "Storm"}),
    EventType(
        "session.reinstated", "A cancelled session was scheduled again.", Reinstated, ABOUT | {"reason": "It blew over"}
    ),
    EventType(
        "session.completion_undone",
        "The completion of a session was taken back; if nobody is left licensed, the session is scheduled again.",
        Undone,
        ABOUT | {"jobId": JOB, "undoOf": JOB, "state": "scheduled"},
    ),
    EventType("session.roster_added", "A party was added to a roster.", OfEntry, ABOUT),
    EventType("session.roster_removed", "A party was removed from a roster before completion.", OfEntry, ABOUT),
    EventType(
        "session.attendance_recorded",
        "The attendance of a party was recorded.",
        AttendanceRecorded,
        ABOUT | {"attendance": "absent", "former": {"attendance": "attended"}},
    ),
    EventType(
        "session.completed",
        "A session was completed; each party that attended has a licence if the course grants one.",
        Completed,
        ABOUT
        | {
            "jobId": JOB,
            "grantedAt": ENDS,
            "counts": {"total": 40, "succeeded": 38, "unchanged": 2, "failed": 0, "cancelled": 0, "pending": 0},
        },
    ),
    EventType(
        "session.completion_withdrawn",
        "A completion was rejected, or cancelled before it changed anything; the session is scheduled again.",
        Withdrawn,
        ABOUT | {"jobId": JOB},
    ),
    EventType(
        "session.amended",
        "The roster of a completed session is being corrected.",
        Amended,
        ABOUT | {"jobId": JOB, "reason": "The list was another day's", "added": 1, "removed": 2},
    ),
)
