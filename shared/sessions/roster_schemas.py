"""Rosters in requests and answers of the API."""

import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from shared.jobs import OutcomeCode
from shared.sessions.models import Attendance, RosterEntry
from shared.wire import About, Answer, Fields, Id, Instant, PartyIds, Received

MAX_RECIPIENTS = 50_000


class Attendee(Received):
    """A party to add or remove. Members cannot be on a roster."""

    entity_type: Literal["party"]
    entity_id: Id


Attendees = Annotated[list[str], PartyIds(Attendee, MAX_RECIPIENTS)]


class RosterRequest(Received):
    """Parties to add to the roster: `recipients` names parties, `folderIds` all parties of these folders."""

    recipients: Attendees = Field(default=[])
    folder_ids: list[Id] = Field(default=[], max_length=500)

    @model_validator(mode="after")
    def _has_recipients(self) -> Self:
        if not self.recipients and not self.folder_ids:
            raise About("name at least one recipient or folder", "recipients")
        return self


class AttendanceRequest(Received):
    """The attendance of a party. Only parties that attended are licensed."""

    attendance: Attendance


class RosterOutcome(StrEnum):
    """The result of a session's completion for a party.

    completed: it attended, and the course grants no licence. revoked: its licence was revoked later. removed: an
    amendment removed it. pending: the job has not processed it yet. cancelled: the job ended before it did.
    """

    LICENSED = "licensed"
    COMPLETED = "completed"
    NOT_ATTENDED = "not-attended"
    FAILED = "failed"
    REVOKED = "revoked"
    REMOVED = "removed"
    PENDING = "pending"
    CANCELLED = "cancelled"


class RosterEntryAnswer(Answer):
    """A party on the roster.

    attendance: null until it is recorded. outcome: null before the session is completed. licenceId: null if
    the session has granted the party no licence.
    """

    entity_id: str
    display_name: str
    attendance: Attendance | None
    outcome: RosterOutcome | None
    licence_id: uuid.UUID | None
    added_at: Instant
    amended_at: Instant | None

    @staticmethod
    def fields(row: Any) -> Fields:
        """The fields for a row of `sessions.list_roster`."""
        entry: RosterEntry = row[0]
        return {
            "entityId": entry.party_id,
            "displayName": row.display_name,
            "attendance": recorded_attendance(entry),
            "outcome": row.outcome,
            "licenceId": row.licence_id,
            "addedAt": entry.added_at,
            "amendedAt": entry.amended_at,
        }

    @classmethod
    def of(cls, row: Any) -> Self:
        """The answer for a row of `sessions.list_roster`."""
        return cls.model_validate(cls.fields(row))


def recorded_attendance(entry: RosterEntry) -> Attendance | None:
    """Return the attendance of an entry, None if it is not recorded yet.

    Another attendance than `attended` was recorded in any case, perhaps by a process of the former release.
    """
    if entry.attendance_recorded_at is None and entry.attendance == Attendance.ATTENDED:
        return None
    return Attendance(entry.attendance)


CAPACITY_EXCEEDED = "capacity-exceeded"
"""The only reason of a refusal that is not an outcome code of jobs."""


class Refusal(Answer):
    """A party that was not added to the roster, and the reason."""

    entity_id: str
    code: Literal["party-not-found", "out-of-scope", "party-inactive", "capacity-exceeded"]
    detail: str

    @classmethod
    def of(cls, entity_id: str, code: str) -> Self:
        """The refusal of a party for a reason."""
        full = "The roster is full: the session's capacity is reached."
        detail = full if code == CAPACITY_EXCEEDED else OutcomeCode(code).detail
        return cls.model_validate({"entity_id": entity_id, "code": code, "detail": detail})


class RosterAnswer(Answer):
    """The result of adding parties. refused: by code, then in the order of adding."""

    added: int
    already_there: int
    refused: list[Refusal]
