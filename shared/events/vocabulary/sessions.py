"""The events of sessions and their rosters. Where one is held, and the link to join it, are told nowhere."""

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
    """The course, and the version that the session is bound to."""

    course_id: UUID
    course_version_id: UUID


class OfEntry(PartyData):
    """The same, for a party on the roster."""

    course_id: UUID
    course_version_id: UUID


class Scheduled(OfSession):
    """time_zone: in which the times are shown. capacity: null for any number of parties."""

    mode: Mode
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    capacity: int | None


class FormerSession(BaseModel):
    """What it was, of what changed; a place and a link are named among what changed, and not told."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid")

    mode: Mode | Absent = None
    starts_at: datetime | Absent = None
    ends_at: datetime | Absent = None
    time_zone: str | Absent = None
    capacity: int | None = None


class SessionChanged(OfSession, Changed):
    """What changed, by name."""

    former: FormerSession


class Cancelled(OfSession):
    """Why it will not take place."""

    reason: Reason


class Withdrawn(OfSession):
    """job_id: the job that was rejected, or cancelled before it did anything."""

    job_id: UUID


class Completed(OfSession):
    """granted_at: of every licence. counts: how the job came out."""

    job_id: UUID
    granted_at: datetime
    counts: Counts


class Amended(OfSession):
    """job_id: the job that does it. added, removed: how many parties."""

    job_id: UUID
    reason: Reason
    added: int
    removed: int


class FormerAttendance(BaseModel):
    """What was said of it until then."""

    model_config = ConfigDict(extra="forbid")

    attendance: Attendance


class AttendanceRecorded(OfEntry):
    """Whether the party was there."""

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
    EventType("session.cancelled", "A session will not take place.", Cancelled, ABOUT | {"reason": "Storm"}),
    EventType("session.roster_added", "A party was put on a roster.", OfEntry, ABOUT),
    EventType("session.roster_removed", "A party was taken off a roster before completion.", OfEntry, ABOUT),
    EventType(
        "session.attendance_recorded",
        "It was recorded whether a party attended.",
        AttendanceRecorded,
        ABOUT | {"attendance": "absent", "former": {"attendance": "attended"}},
    ),
    EventType(
        "session.completed",
        "A session ended; whoever attended has a licence, where the course grants one.",
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
        "A completion was rejected, or cancelled before it did anything; the session is scheduled again.",
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
