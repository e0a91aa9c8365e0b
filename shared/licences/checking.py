"""The licence check: is this party licensed for that course, now or at a given instant? One statement, one round trip.

Gates call it all day long, so it bypasses the usual layers: the SQL is written by hand, stays prepared, also reads
whether the organization may use training, and goes out from the event loop together with the statements that set the
organization.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.access import FeatureNotAvailable, OrganizationUnknown, unavailable
from shared.asking import Question
from shared.database import Database


class CheckReason(StrEnum):
    """Why a party is licensed or not. The list is closed: callers may rely on it."""

    VALID = "valid"
    NEVER_LICENSED = "never-licensed"
    EXPIRED = "expired"
    REVOKED = "revoked"
    PARTY_NOT_FOUND = "party-not-found"
    COURSE_NOT_FOUND = "course-not-found"


@dataclass(frozen=True)
class Checked:
    """The answer for one party and course. licence_id, expires_at: the licence that decided; None if there is none."""

    party_id: str
    course_id: uuid.UUID
    licence_id: uuid.UUID | None
    expires_at: datetime | None
    reason: CheckReason

    @property
    def licensed(self) -> bool:
        """True if the party is licensed."""
        return self.reason is CheckReason.VALID


_NOW = """
    SELECT organization.training_entitled, organization.training_enabled, asked.party_id, wanted.course_id,
        held.id, held.expires_at,
        CASE WHEN party.id IS NULL THEN 'party-not-found' WHEN course.id IS NULL THEN 'course-not-found'
            WHEN held.id IS NULL THEN 'never-licensed' WHEN held.revoked THEN 'revoked'
            WHEN held.expires_at <= %(at)s THEN 'expired' ELSE 'valid' END
    FROM organization
    CROSS JOIN unnest(%(parties)s::text[]) WITH ORDINALITY AS asked (party_id, place)
    CROSS JOIN unnest(%(courses)s::uuid[]) WITH ORDINALITY AS wanted (course_id, place)
    LEFT JOIN party ON party.org_id = %(org)s AND party.id = asked.party_id {in_scope}
    LEFT JOIN course ON course.org_id = %(org)s AND course.id = wanted.course_id
    LEFT JOIN LATERAL (
        SELECT licence.id, {expires_at} AS expires_at, {revoked} AS revoked
        FROM licence {formerly}
        WHERE licence.org_id = %(org)s AND licence.party_id = party.id AND licence.course_id = course.id {then}
        ORDER BY NOT {revoked} AND {expires_at} > %(at)s DESC, licence.granted_at DESC, licence.id DESC
        LIMIT 1
    ) AS held ON true
    WHERE organization.id = %(org)s
    ORDER BY asked.place, wanted.place"""

_IN_SCOPE = """AND EXISTS (
        SELECT FROM folder_member AS member WHERE member.org_id = %(org)s AND member.party_id = asked.party_id
            AND member.folder_id = ANY (%(folders)s::text[]))"""

_PRESENT = {
    "expires_at": "licence.expires_at",
    "revoked": "(licence.revoked_at IS NOT NULL)",
    "formerly": "",
    "then": "AND licence.superseded_at IS NULL",
}

_PAST = {
    "expires_at": "coalesce(later.expires_at, licence.expires_at)",
    "revoked": "coalesce(licence.revoked_at <= %(at)s, false)",
    "formerly": """LEFT JOIN LATERAL (
            SELECT (event.data -> 'former' ->> 'expiresAt')::timestamptz AS expires_at FROM event
            WHERE event.org_id = %(org)s AND event.subject = 'licence/' || licence.id
                AND event.type = 'licence.changed' AND event.recorded_at > %(at)s AND event.data ? 'former'
            ORDER BY event.sequence LIMIT 1
        ) AS later ON true""",
    "then": """AND licence.granted_at <= %(at)s
            AND (licence.superseded_at IS NULL OR licence.superseded_at > %(at)s)""",
}


def question(*, past: bool, scoped: bool) -> Question:
    """Returns the statement of a check. scoped: parties outside the caller's folders count as not found.

    past: answer as of the instant `at`. The end of a licence at that instant is in the first correction after it, as
    the former one.
    """
    parameters = {"org": "text", "parties": "text[]", "courses": "uuid[]", "at": "timestamptz"}
    return Question(
        name="licence_check" + "_past" * past + "_scoped" * scoped,
        query=_NOW.format(in_scope=_IN_SCOPE if scoped else "", **(_PAST if past else _PRESENT)),
        parameters=parameters | ({"folders": "text[]"} if scoped else {}),
    )


_QUESTIONS = {(past, scoped): question(past=past, scoped=scoped) for past in (False, True) for scoped in (False, True)}


async def check(
    database: Database,
    org_id: str,
    party_ids: Collection[str],
    course_ids: Collection[uuid.UUID],
    *,
    at: datetime,
    now: datetime,
    scope: Collection[str] | None,
    features: frozenset[str],
) -> list[Checked]:
    """Check each of these parties for each of these courses, in a transaction of its own. Results keep their order.

    at: the instant to check. Before `now`, the answer is what was true then; after it, what is known now. scope: ids
    of the folders whose parties the caller may see, None for all. Raises OrganizationUnknown, FeatureNotAvailable.
    """
    parameters: dict[str, Any] = {"org": org_id, "parties": list(party_ids), "courses": list(course_ids), "at": at}
    if scope is not None:
        parameters["folders"] = list(scope)
    found = await database.ask(org_id, _QUESTIONS[at < now, scope is not None], parameters)
    if not found:
        raise OrganizationUnknown
    _need_available(found[0], features)
    return [Checked(row[2], row[3], row[4], row[5], CheckReason(row[6])) for row in found]


def _need_available(row: Sequence[Any], features: frozenset[str]) -> None:
    reason = unavailable(row[0], row[1], features)
    if reason is not None:
        raise FeatureNotAvailable(reason)
