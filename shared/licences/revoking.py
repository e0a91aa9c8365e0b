"""Revoking licences that should never have been granted: a roster was amended, or a completion was taken back.

Each licence that such a licence superseded counts again, unless another one counts by now. `actions.revoke` differs: it
revokes one licence for what happened since, and restores nothing.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, func, literal, select, update
from sqlalchemy.orm import Session

from shared import directory, events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk
from shared.licences.models import Licence, LicenceState
from shared.licences.queries import has_id, subject
from shared.licences.succession import held_by, restore
from shared.licences.sweeping import restart_notices


def revoke_earned(
    db: Session,
    chunk: Chunk,
    session_id: uuid.UUID,
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    of: Select[str] | None = None,
) -> int:
    """Revoke the licences that a session granted to recipients of a chunk, and restore the ones they superseded.

    of: only these parties among them, as one column of ids `entity_id`; None: all recipients. Returns how many were
    revoked. Skips licences that are revoked already.
    """
    recipients = (chunk.recipients if of is None else of).subquery()
    of_session = and_(
        Licence.session_id == session_id,
        chunk.covers(Licence.party_id),
        Licence.party_id.in_(select(recipients.c.entity_id)),
    )
    data = {"sessionId": str(session_id), "jobId": str(chunk.job.id)}
    return take_back(db, of_session, reason, actor, now, data=data, job_id=chunk.job.id)


def untouched(db: Session, chunk: Chunk, job_id: uuid.UUID) -> tuple[dict[str, uuid.UUID], set[str]]:
    """Returns what is left of the licences that a job granted to the chunk's parties.

    First those that nothing followed, by party: neither corrected nor superseded nor revoked. Then the other parties.
    Lock the licences before (`lock_licences`).
    """
    granted = select(Licence.party_id, Licence.id, Licence.revision).where(
        Licence.org_id == current_org(db), Licence.job_id == job_id, chunk.covers(Licence.party_id)
    )
    rows = db.execute(granted).all()
    return {row.party_id: row.id for row in rows if row.revision == 1}, {
        row.party_id for row in rows if row.revision != 1
    }


def revoke_granted(
    db: Session, chunk: Chunk, licence_ids: Collection[uuid.UUID], data: dict[str, Any], now: datetime
) -> int:
    """Revoke these licences by the chunk's job, and restore the ones they superseded. Returns how many were revoked.

    data: the fields of their events, among them `reason`.
    """
    data = data | {"jobId": str(chunk.job.id)}
    which = is_one_of(Licence.id, licence_ids)
    return take_back(db, which, data["reason"], chunk.job.actor, now, data=data, job_id=chunk.job.id)


def take_back(
    db: Session,
    which: ColumnElement[bool],
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    data: dict[str, Any],
    job_id: uuid.UUID | None = None,
) -> int:
    """Revoke these licences and restore the ones they superseded. Returns how many were revoked.

    data: further fields of their events. job_id: the job that takes back, None for a member by hand. Locks
    the holders first, because it decides by their other licences which ones are restored; see docs/locks.md. The
    ids are read first and then passed as arrays: in a single statement, PostgreSQL evaluates `which` again for each
    party as long as it has no statistics of the organization.
    """
    of_org = Licence.org_id == current_org(db)
    not_revoked = select(Licence.id, Licence.party_id).where(of_org, which, Licence.revoked_at.is_(None))
    holders = dict(db.execute(not_revoked).tuples().all())
    directory.lock_parties(db, is_one_of(Party.id, sorted(set(holders.values()))))
    revoked = mark_revoked(db, holders, reason, actor, now, job_id)
    if revoked:
        restored = restore(db, held_by(db, sorted(set(holders.values()))), revoked)
        restart_notices(db, restored, now, new_end=False)
        record_revoked(db, revoked, restored, actor, now, {"reason": reason} | data)
    return len(revoked)


def mark_revoked(
    db: Session,
    licence_ids: Collection[uuid.UUID],
    reason: str,
    actor: Actor,
    now: datetime,
    job_id: uuid.UUID | None,
) -> list[uuid.UUID]:
    """Revoke licences. Returns the ids of those that were not revoked before. job_id: None for a member by hand."""
    revoked = (
        update(Licence)
        .where(has_id(current_org(db), licence_ids), Licence.revoked_at.is_(None))
        .values(
            {
                Licence.revoked_at: now,
                Licence.revoked_by_type: actor.type,
                Licence.revoked_by_id: actor.id,
                Licence.revocation_reason: reason,
                Licence.revoked_job_id: job_id,
                Licence.revision: Licence.revision + 1,
            }
        )
        .returning(Licence.id)
        .execution_options(synchronize_session=False)
    )
    return list(db.scalars(revoked))


def former_state(now: datetime) -> ColumnElement[str]:
    """Returns the state that a licence would have if it were not revoked."""
    return case(
        (Licence.superseded_at.is_not(None), literal(LicenceState.SUPERSEDED, Text)),
        (Licence.expires_at <= now, literal(LicenceState.EXPIRED, Text)),
        else_=literal(LicenceState.ACTIVE, Text),
    )


def record_revoked(
    db: Session, revoked: list[uuid.UUID], restored: list[uuid.UUID], actor: Actor, now: datetime, said: dict[str, Any]
) -> None:
    """Record `licence.revoked` and `licence.restored`. said: the fields that all these events share."""
    org_id = current_org(db)
    state = func.jsonb_build_object("state", former_state(now))
    about = func.jsonb_build_object("courseId", Licence.course_id, "former", state).label("data")
    each = select(subject(Licence.id), Licence.party_id, about).where(has_id(org_id, revoked))
    events.record_each(db, actor, now, type="licence.revoked", count=len(revoked), of=each, data=said)
    about = func.jsonb_build_object("courseId", Licence.course_id, "expiresAt", Licence.expires_at).label("data")
    each = select(subject(Licence.id), Licence.party_id, about).where(has_id(org_id, restored))
    events.record_each(db, actor, now, type="licence.restored", count=len(restored), of=each, data=said)
