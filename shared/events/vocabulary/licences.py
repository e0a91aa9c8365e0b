"""The events of licences."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from shared.events.vocabulary.declaring import (
    COURSE,
    JOB,
    UUID,
    VERSION,
    Absent,
    Actor,
    EventType,
    PartyData,
    Reason,
    date,
    datetime,
)


class OfCourse(PartyData):
    """The course that the licence is for."""

    course_id: UUID


class Granted(OfCourse):
    """session_id, assignment_id: one of them, which earned the licence. renews: the licence that it supersedes.

    valid_from: if it does not begin when it is granted.
    reason: that of the amendment that added the party. revoked_by: the member who had revoked the party's former
    licence; the actor has granted it again.
    undo_of, replaces: the job that revoked many licences and was undone, and the former licence, which stays revoked.
    """

    course_version_id: UUID
    session_id: UUID | Absent = None
    assignment_id: UUID | Absent = None
    job_id: UUID | Absent = None
    renews: UUID | Absent = None
    granted_at: datetime
    valid_from: datetime | Absent = None
    expires_at: datetime
    reason: Reason | Absent = None
    revoked_by: Actor | Absent = None
    undo_of: UUID | Absent = None
    replaces: UUID | Absent = None


class Recorded(OfCourse):
    """completed_on: the day of the training. renews: the licence that the record supersedes, because it ends later.

    superseded_by: the licence that counts instead, because the record ends no later. Issuer and number are left out.
    """

    course_version_id: UUID
    job_id: UUID
    completed_on: date
    valid_from: datetime
    expires_at: datetime
    renews: UUID | Absent = None
    superseded_by: UUID | Absent = None


class RecordUndone(OfCourse):
    """job_id: the undo. undo_of: the import."""

    job_id: UUID
    undo_of: UUID


class Superseded(OfCourse):
    """superseded_by: the licence that counts instead."""

    superseded_by: UUID


class FormerState(BaseModel):
    """The state of the licence before."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["active", "expired", "superseded"]


class Revoked(OfCourse):
    """session_id: the session whose amendment revoked the licence. job_id: the job that revoked it.

    merged_with: of merged parties, the licence of the same session that stays.
    """

    reason: Reason
    session_id: UUID | Absent = None
    job_id: UUID | Absent = None
    merged_with: UUID | Absent = None
    former: FormerState


class Restored(OfCourse):
    """The licence counts again, because the licence that superseded it was revoked."""

    reason: Reason
    session_id: UUID | Absent = None
    job_id: UUID | Absent = None
    expires_at: datetime


class FormerEnd(BaseModel):
    """The former beginning and end of the licence, and the rule that set the end."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, validate_by_name=True)

    expires_at: datetime
    rule: str
    valid_from: datetime | Absent = None


class Changed(OfCourse):
    """expires_at, valid_from, former: if the end or the beginning was corrected. note_changed: if the note was; its
    text is left out.
    """

    reason: Reason
    expires_at: datetime | Absent = None
    valid_from: datetime | Absent = None
    former: FormerEnd | Absent = None
    note_changed: bool | Absent = None


class Ended(OfCourse):
    """expires_at: the end of the licence."""

    expires_at: datetime


class LinkMinted(PartyData):
    """expires_at: when the link ends. The link itself is in no event."""

    expires_at: datetime


class Expiring(Ended):
    """days_before: the notice before the end that is due; each notice has its own event."""

    days_before: Literal[60, 30, 7]


SESSION = "019aa7c4-55ee-7f70-8b82-6daa5f904b50"
ABOUT: dict[str, Any] = {"courseId": COURSE}
ENDS = {"expiresAt": "2027-05-09T14:00:00+00:00"}
TAKEN_BACK = {"reason": "He left at noon", "sessionId": SESSION, "jobId": JOB}

LICENCES = (
    EventType(
        "licence.granted",
        "A party was granted a licence.",
        Granted,
        ABOUT
        | ENDS
        | {
            "courseVersionId": VERSION,
            "sessionId": SESSION,
            "jobId": JOB,
            "grantedAt": "2026-05-09T14:00:00+00:00",
        },
    ),
    EventType(
        "licence.recorded",
        "A licence that was earned elsewhere or before was recorded.",
        Recorded,
        ABOUT
        | {
            "courseVersionId": VERSION,
            "jobId": JOB,
            "completedOn": "2024-03-02",
            "validFrom": "2024-03-01T23:00:00+00:00",
            "expiresAt": "2026-03-02T23:00:00+00:00",
        },
    ),
    EventType(
        "licence.record_undone",
        "A record was taken out by the undo of its import, as if it had never been.",
        RecordUndone,
        ABOUT | {"jobId": JOB, "undoOf": "019aa7c3-33cc-7d5e-8960-4b8c3d7e2f30"},
    ),
    EventType(
        "licence.superseded",
        "A later licence of the course counts instead of this one.",
        Superseded,
        ABOUT | {"supersededBy": "019aa7c5-66ff-7081-9c93-7ebb60a15c60"},
    ),
    EventType(
        "licence.revoked",
        "A licence was revoked for good.",
        Revoked,
        ABOUT | TAKEN_BACK | {"former": {"state": "active"}},
    ),
    EventType(
        "licence.restored",
        "A superseded licence counts again.",
        Restored,
        ABOUT | TAKEN_BACK | ENDS,
    ),
    EventType(
        "licence.changed",
        "The end or the note of a licence was corrected.",
        Changed,
        ABOUT
        | ENDS
        | {"reason": "Typing error", "former": {"expiresAt": "2027-05-08T14:00:00+00:00", "rule": "monthsFromGrant"}},
    ),
    EventType(
        "licence.expiring",
        "A licence ends in `daysBefore` days or fewer.",
        Expiring,
        ABOUT | ENDS | {"daysBefore": 60},
    ),
    EventType(
        "licence.expired",
        "A licence has ended.",
        Ended,
        ABOUT | ENDS,
    ),
    EventType(
        "licence.certificate_link_minted",
        "Somebody created a link with which anybody sees the certificate.",
        LinkMinted,
        {"expiresAt": "2026-05-01T08:00:00+00:00"},
        by_name=True,
    ),
)
