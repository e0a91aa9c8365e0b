"""Sessions in requests and answers of the API. Their rosters are in `roster_schemas`."""

import uuid
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from shared import clock
from shared.catalogue import WebAddress
from shared.sessions.models import SessionMode, SessionState, TrainingSession
from shared.sessions.roster_schemas import MAX_RECIPIENTS, Attendees
from shared.wire import About, Answer, Fields, Instant, Line, Paragraph, Received, ReceivedInstant

MAX_CAPACITY = 1_000_000

Capacity = Annotated[int, Field(ge=1, le=MAX_CAPACITY)]


def _known_zone(name: str) -> str:
    if name not in clock.time_zones():
        raise ValueError("This is not an IANA time zone; an example is Europe/Amsterdam.")
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]


class SessionRequest(Received):
    """A sitting of a course's version. It may lie in the past, to record it afterwards.

    courseVersionId: a published version, the active one by default. timeZone: the IANA zone in which the times
    are shown. capacity: upper bound of parties on the roster, null for none.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID | None = None
    mode: SessionMode
    starts_at: ReceivedInstant
    ends_at: ReceivedInstant
    time_zone: Zone
    location: Line | None = None
    join_url: WebAddress | None = None
    capacity: Capacity | None = None


class SessionChanges(Received):
    """Changes of a session: only the given fields change. Null clears a field that a new session may leave out."""

    mode: SessionMode | None = None
    starts_at: ReceivedInstant | None = None
    ends_at: ReceivedInstant | None = None
    time_zone: Zone | None = None
    location: Line | None = None
    join_url: WebAddress | None = None
    capacity: Capacity | None = None

    @field_validator("mode", "starts_at", "ends_at", "time_zone", mode="before")
    @classmethod
    def _keep(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be cleared; leave it out to keep it")
        return value

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


class AmendmentRequest(Received):
    """A correction of the roster. add: parties that attended and are missing. remove: parties that did not attend.

    afterRevocation: grants also to those whose licence of this session another member has revoked by hand.
    """

    added = frozenset({"after_revocation"})

    add: Attendees = Field(default=[])
    remove: Attendees = Field(default=[])
    reason: Paragraph
    after_revocation: bool = False

    @model_validator(mode="after")
    def _names_a_party(self) -> Self:
        if not self.add and not self.remove:
            raise About("name at least one party to add or to remove", "add")
        if len(self.add) + len(self.remove) > MAX_RECIPIENTS:
            raise ValueError(f"name at most {MAX_RECIPIENTS} parties in all")
        return self


class CancellationRequest(Received):
    """The reason of the cancellation."""

    reason: Paragraph


class ReinstatementRequest(Received):
    """The reason why a cancelled session takes place after all."""

    reason: Paragraph


class SessionActor(Answer):
    """The actor, such as a member."""

    type: str
    id: str


class SessionCompletion(Answer):
    """The completion of a session.

    completedAt: when it was accepted; also the `grantedAt` of every licence. jobId: the job that grants the licences.
    """

    by: SessionActor
    completed_at: Instant
    job_id: uuid.UUID


class SessionCancellation(Answer):
    """The cancellation of a session."""

    cancelled_at: Instant
    reason: str


class SessionAnswer(Answer):
    """A session. rosterSize: the number of parties on its roster that are in the caller's scope.

    unrecorded: the number of them whose attendance is not recorded. At completion they count as attended.
    """

    id: uuid.UUID
    course_id: uuid.UUID
    course_title: str
    course_version_id: uuid.UUID
    version_label: str
    mode: SessionMode
    starts_at: Instant
    ends_at: Instant
    time_zone: str
    location: str | None
    join_url: str | None
    capacity: int | None
    roster_size: int
    unrecorded: int
    state: SessionState
    scheduled_by: SessionActor
    created_at: Instant
    updated_at: Instant
    completion: SessionCompletion | None
    cancellation: SessionCancellation | None

    @staticmethod
    def fields(row: Any) -> Fields:
        """The fields for a row of `sessions.list_sessions`."""
        session: TrainingSession = row[0]
        return {
            "id": session.id,
            "courseId": session.course_id,
            "courseTitle": row.course_title,
            "courseVersionId": session.course_version_id,
            "versionLabel": row.version_label,
            "mode": session.mode,
            "startsAt": session.starts_at,
            "endsAt": session.ends_at,
            "timeZone": session.time_zone,
            "location": session.location,
            "joinUrl": session.join_url,
            "capacity": session.capacity,
            "rosterSize": row.roster_size,
            "unrecorded": row.unrecorded,
            "state": session.state,
            "scheduledBy": {"type": session.scheduled_by_type, "id": session.scheduled_by_id},
            "createdAt": session.created_at,
            "updatedAt": session.updated_at,
            "completion": None if session.completed_at is None else _completion(session),
            "cancellation": None if session.cancelled_at is None else _cancellation(session),
        }

    @classmethod
    def of(cls, row: Any) -> Self:
        """The answer for a row of `sessions.list_sessions`."""
        return cls.model_validate(cls.fields(row))


def _completion(session: TrainingSession) -> Fields:
    by = {"type": session.completed_by_type, "id": session.completed_by_id}
    return {"by": by, "completedAt": session.completed_at, "jobId": session.completion_job_id}


def _cancellation(session: TrainingSession) -> Fields:
    return {"cancelledAt": session.cancelled_at, "reason": session.cancellation_reason}
