"""Licences: list, get, correct, revoke, check."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import catalogue, licences
from shared.access import Caller, Permission
from shared.database import Database
from shared.directory import PartyRenumbered
from shared.errors import NotFound
from shared.licences import Checked, CheckReason, Filters, Licence, LicenceChanges, LicenceRow, Sort
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.ADMIN)

Shown = LicenceRow

CHECKS = (Permission.CHECK_LICENCES, Permission.VIEW, Permission.ADMIN)

_NOT_THERE = {CheckReason.PARTY_NOT_FOUND: "party", CheckReason.COURSE_NOT_FOUND: "course"}


@verb(*SEES)
def list_licences(
    db: Session, caller: Caller, filters: Filters, sort: Sort, *, titled: bool = False
) -> Select[*tuple[Any, ...]]:
    """Select the matching licences in the caller's scope. titled: with `course_title`, the title of the version."""
    rows = licences.list_licences(db, filters, caller.folders, sort)
    return rows.add_columns(catalogue.title_of(Licence)) if titled else rows


@verb(*SEES)
def get_licence(db: Session, caller: Caller, licence_id: uuid.UUID) -> Shown:
    """Return one licence in the caller's scope. Raises NotFound."""
    return licences.get(db, licence_id, caller.folders)


@verb(Permission.ADMIN)
def correct_licence(
    db: Session,
    caller: Caller,
    licence_id: uuid.UUID,
    body: LicenceChanges,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Correct the beginning, the end or the note of a licence, with a reason.

    Raises NotFound, Stale, LicenceRevoked, InvalidInput.
    """
    licence = licences.locked(db, licence_id, caller.folders, expected=expected)
    changes = body.model_dump(exclude_unset=True, exclude={"reason"})
    licences.correct(db, licence, changes, body.reason, caller.actor, now)
    return licences.get(db, licence_id, caller.folders)


@verb(Permission.ADMIN)
def revoke_licence(
    db: Session,
    caller: Caller,
    licence_id: uuid.UUID,
    reason: str,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Revoke a licence for good. Raises NotFound, Stale, LicenceRevoked."""
    licence = licences.locked(db, licence_id, caller.folders, expected=expected)
    licences.revoke(db, licence, reason, caller.actor, now)
    return licences.get(db, licence_id, caller.folders)


@verb(*CHECKS)
async def check_licences(
    database: Database,
    caller: Caller,
    party_ids: Sequence[str],
    course_ids: Sequence[uuid.UUID],
    at: datetime | date | None,
    features: frozenset[str],
    now: datetime,
) -> list[Checked]:
    """Check for each of these parties and courses if the party is licensed at `at`, now by default.

    at: an instant, or a day for its end. Keeps their order. Opens its own transaction. The same query checks if
    training is available (decision 0011).
    Raises OrganizationUnknown, FeatureNotAvailable.
    """
    scope = caller.folders
    return await licences.check(
        database, caller.org_id, party_ids, course_ids, at=at or now, now=now, scope=scope, features=features
    )


@verb(*CHECKS)
async def check_licence(
    database: Database,
    caller: Caller,
    party_id: str,
    course_id: uuid.UUID,
    at: datetime | date | None,
    features: frozenset[str],
    now: datetime,
) -> Checked:
    """Check one party and course. Raises as `check_licences`, and NotFound for an unknown party or course.

    Raises PartyRenumbered for a former id.
    """
    (found,) = await check_licences(database, caller, [party_id], [course_id], at, features, now)
    if found.renumbered_to is not None:
        raise PartyRenumbered(party_id, found.renumbered_to)
    if found.reason in _NOT_THERE:
        raise NotFound(_NOT_THERE[found.reason])
    return found
