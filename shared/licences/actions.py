"""A member's changes to one licence: correct it, revoke it. And what erasing a party blanks in its licences.

Correcting and revoking increase its revision and record the former values in the event. Revocations of many licences
at once, which also restore former ones, are in `revoking`.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Text, case, cast, or_, select, update
from sqlalchemy.orm import Session

from shared import directory, events, locking
from shared.database import current_org
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact
from shared.licences.models import ExpiryRule, Licence
from shared.licences.queries import HAS_BEEN, has_id, state_of
from shared.licences.records.storing import drop_rows_of
from shared.licences.sweeping import restart_notices


class LicenceRevoked(Conflict):
    """A revoked licence cannot be changed or revoked again."""

    slug, title = "licence-revoked", "Licence revoked"

    def __init__(self) -> None:
        super().__init__("The licence was revoked, and that is final; only a new completion licenses the party again.")


def locked(
    db: Session,
    licence_id: uuid.UUID,
    scope: Collection[str] | None,
    *,
    expected: Collection[int] | None = None,
) -> Licence:
    """Lock a licence until the end of this transaction and return it as it is now.

    scope: ids of the folders whose parties the caller may see, None for all. expected: the revisions that the caller
    may have read, None for any. Raises NotFound (also for a licence outside the scope) and Stale.
    """
    mine = select(Licence).where(
        Licence.org_id == current_org(db),
        Licence.id == licence_id,
        HAS_BEEN,
        directory.in_scope(Licence.party_id, scope),
    )
    return locking.locked(db, mine, "licence", expected=expected)


def correct(db: Session, licence: Licence, changes: dict[str, Any], reason: str, actor: Actor, now: datetime) -> None:
    """Change `valid_from`, `expires_at`, `note`. Values equal to the present ones change nothing and record no event.

    If the sweep has published `licence.expired` and the new end is later than that moment, it publishes the new end
    too. Notices of a new end are published as for a licence granted with it; of those whose day has passed only the
    last. No event contains the note's text, because it is about a person. Raises LicenceRevoked, InvalidInput.
    """
    if licence.revoked_at is not None:
        raise LicenceRevoked
    if not changes:
        raise InvalidInput(Fault("", "Name validFrom, expiresAt or note: there is nothing to correct."))
    begins_at: datetime = changes.get("valid_from", licence.valid_from) or licence.granted_at
    expires_at: datetime = changes.get("expires_at", licence.expires_at)
    if (begins_at, expires_at) == (licence.begins_at, licence.expires_at) and (
        changes.get("note", licence.note) == licence.note
    ):
        return
    _need_order(changes, begins_at, expires_at)
    data: dict[str, Any] = {"courseId": str(licence.course_id), "reason": reason}
    if "note" in changes and licence.note != changes["note"]:
        licence.note, data["noteChanged"] = changes["note"], True
    former = {"expiresAt": licence.expires_at.isoformat(), "rule": licence.rule}
    former["validFrom"] = licence.begins_at.isoformat()
    if begins_at != licence.begins_at:
        data |= {"validFrom": begins_at.isoformat(), "former": former}
        licence.valid_from = None if begins_at == licence.granted_at else begins_at
    if new_end := expires_at != licence.expires_at:
        data |= {"expiresAt": expires_at.isoformat(), "former": former}
        licence.expires_at, licence.months, licence.rule = expires_at, None, ExpiryRule.CORRECTED
    _changed(db, licence)
    if new_end:
        restart_notices(db, [licence.id], now, new_end=True)
    events.record(db, actor, now, Fact("licence.changed", f"licence/{licence.id}", data, licence.party_id))


def _need_order(changes: dict[str, Any], begins_at: datetime, expires_at: datetime) -> None:
    if expires_at <= begins_at:
        wrong = "/expiresAt" if "expires_at" in changes else "/validFrom"
        raise InvalidInput(Fault(wrong, f"A licence must end after it begins, which is at {begins_at.isoformat()}."))


def revoke(db: Session, licence: Licence, reason: str, actor: Actor, now: datetime) -> None:
    """Revoke one licence for good. The licence it superseded stays superseded. Raises LicenceRevoked."""
    if licence.revoked_at is not None:
        raise LicenceRevoked
    former = {"state": str(state_of(licence, now))}
    licence.revoked_at, licence.revocation_reason = now, reason
    licence.revoked_by_type, licence.revoked_by_id = actor.type, actor.id
    _changed(db, licence)
    data = {"courseId": str(licence.course_id), "reason": reason, "former": former}
    events.record(db, actor, now, Fact("licence.revoked", f"licence/{licence.id}", data, licence.party_id))


def blank_notes(db: Session, party_id: str) -> None:
    """Blank the notes of a party's licences, and number and issuer of its records, when the party is erased.

    Lock the party before. Its rows of imports that have not gone in are deleted: they hold the same.

    Revisions stay, because nothing that a licence proves has changed.
    """
    org_id = current_org(db)
    drop_rows_of(db, party_id)
    says = or_(Licence.note.is_not(None), Licence.record_key != cast(Licence.id, Text))
    noted = select(Licence.id).where(Licence.org_id == org_id, Licence.party_id == party_id, says)
    ids = list(db.scalars(noted.order_by(Licence.id).with_for_update()))
    key = case((Licence.record_key.is_not(None), cast(Licence.id, Text)))
    blank = update(Licence).where(has_id(org_id, ids)).values(note=None, issuer=None, record_key=key)
    db.execute(blank, execution_options={"synchronize_session": False})


def _changed(db: Session, licence: Licence) -> None:
    """Write the row before its event is recorded, which locks the event counter: see docs/locks.md."""
    licence.revision += 1
    db.flush()
