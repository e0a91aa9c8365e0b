"""The licence check: is this party licensed for that course, now or at a given instant? One statement, one round trip.

Gates call it all day long, so it bypasses the usual layers: the SQL is written by hand, stays prepared, also reads
whether the organization may use training, and goes out from the event loop together with the statements that set the
organization.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from shared import directory
from shared.access import FeatureNotAvailable, OrganizationUnknown, unavailable
from shared.asking import Question
from shared.database import Database, current_org
from shared.licences.models import LicenceSource


class CheckReason(StrEnum):
    """Why a party is licensed or not. The list is closed: callers may rely on it."""

    VALID = "valid"
    NEVER_LICENSED = "never-licensed"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    PARTY_NOT_FOUND = "party-not-found"
    COURSE_NOT_FOUND = "course-not-found"


@dataclass(frozen=True)
class Checked:
    """The answer for one party and course. party_active: False for an unknown party, too.

    renumbered_to: the present id, if `party_id` is a former one; the answer is that of the party.
    licence_id, valid_from, expires_at, version_label, source, issuer: of the licence that decided; None if there is
    none.
    """

    party_id: str
    course_id: uuid.UUID
    licence_id: uuid.UUID | None
    valid_from: datetime | None
    expires_at: datetime | None
    reason: CheckReason
    party_active: bool
    version_label: str | None
    source: LicenceSource | None
    issuer: str | None
    renumbered_to: str | None = None

    @property
    def licensed(self) -> bool:
        """True if the party is licensed."""
        return self.reason is CheckReason.VALID


_QUERY = """
    SELECT organization.training_entitled, organization.training_enabled, asked.party_id, wanted.course_id,
        held.id, held.valid_from, held.expires_at,
        CASE WHEN party.id IS NULL THEN 'party-not-found' WHEN course.id IS NULL THEN 'course-not-found'
            WHEN held.id IS NULL THEN 'never-licensed' WHEN held.valid THEN 'valid' WHEN held.revoked THEN 'revoked'
            WHEN held.valid_from > {at} THEN 'not-yet-valid' ELSE 'expired' END,
        coalesce(party.active, false), version.label, held.source, held.issuer
    FROM organization
    CROSS JOIN unnest(%(parties)s::text[]) WITH ORDINALITY AS asked (party_id, place)
    CROSS JOIN unnest(%(courses)s::uuid[]) WITH ORDINALITY AS wanted (course_id, place)
    LEFT JOIN party ON party.org_id = %(org)s AND party.id = asked.party_id {in_scope}
    LEFT JOIN course ON course.org_id = %(org)s AND course.id = wanted.course_id
    LEFT JOIN LATERAL (
        SELECT known.*, NOT revoked AND valid_from <= {at} AND expires_at > {at} AS valid
        FROM (
            SELECT licence.id, licence.granted_at, licence.course_version_id, {valid_from} AS valid_from,
                {expires_at} AS expires_at, {revoked} AS revoked,
                CASE WHEN licence.record_key IS NOT NULL THEN 'record' WHEN licence.session_id IS NULL
                    THEN 'assignment' ELSE 'session' END AS source, licence.issuer
            FROM licence
            WHERE licence.org_id = %(org)s AND licence.party_id = party.id AND licence.course_id = course.id
                AND licence.undone_at IS NULL {then}
        ) AS known
        ORDER BY valid DESC,
            CASE WHEN NOT revoked AND valid_from <= {at} AND expires_at > {at} THEN expires_at END DESC,
            granted_at DESC, expires_at DESC, id DESC
        LIMIT 1
    ) AS held ON true
    LEFT JOIN course_version AS version ON version.org_id = %(org)s AND version.id = held.course_version_id
    WHERE organization.id = %(org)s
    ORDER BY asked.place, wanted.place"""

_IN_SCOPE = """AND EXISTS (
        SELECT FROM folder_member AS member WHERE member.org_id = %(org)s AND member.party_id = asked.party_id
            AND member.folder_id = ANY (%(folders)s::text[]))"""

_BEGINS = "coalesce(licence.valid_from, licence.granted_at)"

_PRESENT = {
    "valid_from": _BEGINS,
    "expires_at": "licence.expires_at",
    "revoked": "(licence.revoked_at IS NOT NULL)",
    "then": "AND licence.superseded_at IS NULL",
}

_FORMER = """coalesce((
                SELECT (event.data -> 'former' ->> '{field}')::timestamptz FROM event
                WHERE event.org_id = %(org)s AND event.subject = 'licence/' || licence.id
                    AND event.type = 'licence.changed' AND event.recorded_at > {at}
                    AND event.data -> 'former' ? '{field}'
                ORDER BY event.sequence LIMIT 1), {present})"""
"""The value that a field had at that instant: in the first correction after it, as the former one."""

_PAST = {
    "valid_from": f"""CASE WHEN licence.granted_at > {{at}} THEN licence.valid_from
                ELSE {_FORMER.replace("{field}", "validFrom").replace("{present}", _BEGINS)} END""",
    "expires_at": _FORMER.replace("{field}", "expiresAt").replace("{present}", "licence.expires_at"),
    "revoked": "coalesce(licence.revoked_at <= {at}, false)",
    "then": """AND (coalesce(licence.restored_at, licence.granted_at) <= {at}
                    AND (licence.superseded_at IS NULL OR licence.superseded_at > {at})
                OR licence.restored_at IS NULL AND licence.granted_at > {at} AND licence.valid_from <= {at})""",
}
"""Parts of the check at a past instant `at`: each date as it was known then, for the licences that counted then.

A licence that was granted later and begins at `at` or before counts too, with its present dates: also a record that a
later one superseded when it came. A record that an undo took out has never been. A licence that an undo granted again
counts from then on: of the days before, the revoked one answers.
"""

_AT = "%(at)s"
_END_OF_DAY = "timezone(organization.time_zone, (%(day)s + 1)::timestamp - interval '1 microsecond')"


def question(*, past: bool, scoped: bool, by_day: bool = False) -> Question:
    """Returns the statement of a check. scoped: parties outside the caller's folders count as not found.

    past: answer as of the instant `at`. by_day: as of the end of `day` in the organization's zone; only with `past`,
    which answers of the future what is known now, as `past` false does.
    """
    parts = _PAST if past else _PRESENT
    query = _QUERY
    for name, part in ({"in_scope": _IN_SCOPE if scoped else ""} | parts).items():
        query = query.replace("{" + name + "}", part)
    parameters = {"org": "text", "parties": "text[]", "courses": "uuid[]"}
    return Question(
        name="licence_check" + "_past" * past + "_scoped" * scoped + "_day" * by_day,
        query=query.replace("{at}", _END_OF_DAY if by_day else _AT),
        parameters=parameters
        | ({"day": "date"} if by_day else {"at": "timestamptz"})
        | ({"folders": "text[]"} if scoped else {}),
    )


_QUESTIONS = {
    (past, scoped, by_day): question(past=past, scoped=scoped, by_day=by_day)
    for past, by_day in ((False, False), (True, False), (True, True))
    for scoped in (False, True)
}


async def check(
    database: Database,
    org_id: str,
    party_ids: Collection[str],
    course_ids: Collection[uuid.UUID],
    *,
    at: datetime | date,
    now: datetime,
    scope: Collection[str] | None,
    features: frozenset[str],
) -> list[Checked]:
    """Check each of these parties for each of these courses, in a transaction of its own. Results keep their order.

    at: the instant to check; a day for its end in the organization's zone. Before `now`, the answer is what was true
    then, and of licences that reach back what is known now; after it, what is known now. scope: ids of the folders
    whose parties the caller may see, None for all. Raises OrganizationUnknown, FeatureNotAvailable.
    """
    parameters: dict[str, Any] = {"org": org_id, "parties": list(party_ids), "courses": list(course_ids)}
    by_day = not isinstance(at, datetime)
    past = not isinstance(at, datetime) or at < now
    parameters["day" if by_day else "at"] = at
    if scope is not None:
        parameters["folders"] = list(scope)
    found = await database.ask(org_id, _QUESTIONS[past, scope is not None, by_day], parameters)
    if not found:
        raise OrganizationUnknown
    _need_available(found[0], features)
    checked = [_checked(row) for row in found]
    lost = {one.party_id for one in checked if one.reason is CheckReason.PARTY_NOT_FOUND}
    if lost and (now_called := await _present_ids(database, org_id, lost)):
        parameters["parties"] = list(dict.fromkeys(now_called.values()))
        again = map(_checked, await database.ask(org_id, _QUESTIONS[past, scope is not None, by_day], parameters))
        present = {(one.party_id, one.course_id): one for one in again}
        checked = [_followed(one, now_called, present) for one in checked]
    return checked


_PRESENT_IDS = Question(name="present_ids", query=directory.CURRENT, parameters={"org": "text", "ids": "text[]"})


async def _present_ids(database: Database, org_id: str, party_ids: Collection[str]) -> dict[str, str]:
    rows = await database.ask(org_id, _PRESENT_IDS, {"org": org_id, "ids": list(party_ids)})
    return {row[0]: row[1] for row in rows}


def _followed(
    asked: Checked, now_called: Mapping[str, str], present: Mapping[tuple[str, uuid.UUID], Checked]
) -> Checked:
    """Returns the answer of the party under its present id. One that the caller may not see is not found either."""
    found = present.get((now_called.get(asked.party_id, ""), asked.course_id))
    if found is None or found.reason is CheckReason.PARTY_NOT_FOUND:
        return asked
    return replace(found, party_id=asked.party_id, renumbered_to=found.party_id)


def check_on(db: Session, party_ids: Collection[str], course_ids: Collection[uuid.UUID], day: date) -> list[Checked]:
    """Check as `check` does for the end of a day, in the caller's transaction, also while training is disabled."""
    asked = {"org": current_org(db), "parties": list(party_ids), "courses": list(course_ids), "day": day}
    rows = db.connection().exec_driver_sql(_QUESTIONS[True, False, True].query, asked)
    return [_checked(row) for row in rows]


def _checked(row: Sequence[Any]) -> Checked:
    source = None if row[10] is None else LicenceSource(row[10])
    return Checked(row[2], row[3], row[4], row[5], row[6], CheckReason(row[7]), row[8], row[9], source, row[11])


def _need_available(row: Sequence[Any], features: frozenset[str]) -> None:
    reason = unavailable(row[0], row[1], features)
    if reason is not None:
        raise FeatureNotAvailable(reason)
