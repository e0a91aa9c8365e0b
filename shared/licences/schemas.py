"""Licences, checks and sweeps on the wire: requests and answers."""

import uuid
from datetime import date, datetime
from typing import Any, Self

from pydantic import Field, model_validator

from shared.licences.checking import CheckReason
from shared.licences.explaining import Dated, explain
from shared.licences.models import ExpiryRule, Licence, LicenceSource, LicenceState
from shared.licences.queries import state_of
from shared.licences.verification import grouped
from shared.texts import N_
from shared.wire import Answer, Fields, Id, Instant, Paragraph, Received, ReceivedInstant, ReceivedMoment

MAX_CHECKED_PARTIES, MAX_CHECKED_COURSES = 500, 20


class LicenceChanges(Received):
    """The fields to change and the reason. Fields left out stay as they are; a note of null removes the note.

    validFrom: null for the instant of the grant.
    """

    valid_from: ReceivedInstant | None = None
    expires_at: ReceivedInstant | None = None
    note: Paragraph | None = None
    reason: Paragraph

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if "expires_at" in self.model_fields_set and self.expires_at is None:
            raise ValueError("expiresAt may not be null: every licence has an end")
        return self


class RevocationRequest(Received):
    """Why the licence is revoked."""

    reason: Paragraph


class CheckRequest(Received):
    """The parties and courses to check, and the instant, by default now. A day: its end in the organization's zone."""

    party_ids: list[Id] = Field(min_length=1, max_length=MAX_CHECKED_PARTIES)
    course_ids: list[uuid.UUID] = Field(min_length=1, max_length=MAX_CHECKED_COURSES)
    at: ReceivedMoment | None = None


class LicensedParty(Answer):
    """The party that holds the licence."""

    entity_type: str = "party"
    entity_id: str
    display_name: str


class By(Answer):
    """The member or part of the system that did it."""

    type: str
    id: str


class Revocation(Answer):
    """The revocation: by whom, when and why."""

    by: By
    revoked_at: Instant
    reason: str


class Explanation(Answer):
    """How the end was computed: by which rule, from which instant, how many calendar months later. text: for people."""

    rule: ExpiryRule
    months: int | None
    from_: Instant | None = Field(alias="from")
    text: str


class LicenceAnswer(Answer):
    """One licence. state: as of now. code: as it is printed. renews: the id of the licence that it superseded.

    source: what it was granted for. Of a record: issuer, number and completedOn, as they were given; grantedAt is when
    it was recorded.
    valid: True if it licenses its party now; a licence that is `active` and begins later does not yet. renewableUntil:
    until when a renewal counts as one by the course's present policy, null if only before the end.
    """

    id: uuid.UUID
    party: LicensedParty
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    version_label: str
    session_id: uuid.UUID | None
    assignment_id: uuid.UUID | None
    source: LicenceSource
    issuer: str | None
    number: str | None
    completed_on: date | None
    granted_at: Instant
    valid_from: Instant
    expires_at: Instant
    renewable_until: Instant | None
    state: LicenceState
    valid: bool
    code: str
    note: str | None
    renews: uuid.UUID | None
    revocation: Revocation | None
    explanation: Explanation

    @staticmethod
    def fields(row: Any, now: datetime) -> Fields:
        """Returns the fields for a row of `licences.list_licences`."""
        licence: Licence = row[0]
        state, begins_at = state_of(licence, now), licence.begins_at
        return {
            "id": licence.id,
            "party": {"entityType": "party", "entityId": licence.party_id, "displayName": row.display_name},
            "courseId": licence.course_id,
            "courseVersionId": licence.course_version_id,
            "versionLabel": row.version_label,
            "sessionId": licence.session_id,
            "assignmentId": licence.assignment_id,
            "source": licence.source,
            "issuer": licence.issuer,
            "number": licence.number,
            "completedOn": licence.completed_on,
            "grantedAt": licence.granted_at,
            "validFrom": begins_at,
            "expiresAt": licence.expires_at,
            "renewableUntil": row.renewable_until,
            "state": state,
            "valid": state is LicenceState.ACTIVE and begins_at <= now,
            "code": grouped(licence.code),
            "note": licence.note,
            "renews": licence.renews_id,
            "revocation": None if licence.revoked_at is None else _revocation(licence),
            "explanation": _explanation(licence, row.time_zone, row.former_expires_at),
        }

    @classmethod
    def of(cls, row: Any, now: datetime) -> "LicenceAnswer":
        """Returns the answer for a row of `licences.list_licences`."""
        return cls.model_validate(LicenceAnswer.fields(row, now))


def _revocation(licence: Licence) -> Fields:
    by = {"type": licence.revoked_by_type, "id": licence.revoked_by_id}
    return {"by": by, "revokedAt": licence.revoked_at, "reason": licence.revocation_reason}


def _explanation(licence: Licence, zone: str, former_expires_at: datetime | None) -> Fields:
    """former_expires_at: for licences of the former release, which did not keep from when their months count."""
    rule, kept = ExpiryRule(licence.rule), licence.counted_from
    match rule:
        case ExpiryRule.CORRECTED | ExpiryRule.RECORDED:
            since = None
        case ExpiryRule.LATER_EXPIRY:
            since = kept or licence.expires_at
        case ExpiryRule.MONTHS_FROM_ANNIVERSARY:
            since = kept or former_expires_at or licence.granted_at
        case _:
            since = kept or licence.granted_at
    earned = N_("a completed session") if licence.session_id else N_("a completed assignment")
    months = None if rule in (ExpiryRule.CORRECTED, ExpiryRule.RECORDED) else licence.months
    dated = Dated(
        earned,
        licence.granted_at,
        licence.begins_at,
        licence.expires_at,
        rule,
        months,
        since,
        licence.ends,
        recorded=licence.source is LicenceSource.RECORD,
        issuer=licence.issuer,
    )
    return {"rule": rule, "months": months, "from": since, "text": explain(dated, zone)}


class CheckAnswer(Answer):
    """The result of a check: is the party licensed for the course, and if not, why not.

    partyActive does not change `licensed`; false too for an unknown party. versionLabel, source, issuer: of the
    licence; only a record, which was not earned here, has an issuer.
    """

    licensed: bool
    licence_id: uuid.UUID | None
    valid_from: Instant | None
    expires_at: Instant | None
    reason: CheckReason
    party_active: bool
    version_label: str | None
    source: LicenceSource | None
    issuer: str | None


class CheckedItem(CheckAnswer):
    """One result of a check of several parties or courses.

    renumberedTo: the party's present id, if the one that was asked for is a former one; the result is the party's.
    """

    party_id: str
    course_id: uuid.UUID
    renumbered_to: str | None


class SweepAnswer(Answer):
    """One run of the sweep. slot: its night, null if a member requested it. lagSeconds: delay of its latest event.

    expired, notices, renewals, lagSeconds: of the whole organization; null for a caller limited to folders.
    """

    id: uuid.UUID
    slot: date | None
    asked_by: By
    asked_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    expired: int | None
    notices: int | None
    renewals: int | None
    lag_seconds: float | None

    @classmethod
    def of(cls, sweep: Any, *, limited: bool = False) -> "SweepAnswer":
        """Returns the answer for a row of `sweep`. limited: True for a caller limited to folders."""
        named = {name: getattr(sweep, name) for name in cls.model_fields if name != "asked_by"}
        if limited:
            named |= dict.fromkeys(("expired", "notices", "renewals", "lag_seconds"))
        return cls(**named, asked_by=By(type=sweep.asked_by_type, id=sweep.asked_by_id))
