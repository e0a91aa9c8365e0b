"""Taking licences back: one for good, or those that were earned by what did not happen.

A plain revocation is final, and what the licence superseded stays superseded. Where a roster is amended or a
completion taken back, the licence should never have been: the former one counts again, unless another came since.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from shared import directory, events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk
from shared.licences.models import Licence, LicenceState
from shared.licences.queries import subject, these


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
    """Revoke what a session granted to the recipients of a chunk, and let count again what those had before.

    of: only of these parties among them, one column of ids `entity_id`. Answers how many were revoked; one that was
    revoked before stays as it is.
    """
    recipients = (chunk.recipients if of is None else of).subquery()
    ours = and_(
        Licence.session_id == session_id,
        chunk.covers(Licence.party_id),
        Licence.party_id.in_(select(recipients.c.entity_id)),
    )
    return take_back(db, ours, reason, actor, now, data={"sessionId": str(session_id), "jobId": str(chunk.job.id)})


def take_back(
    db: Session, which: ColumnElement[bool], reason: str, actor: Actor, now: datetime, *, data: dict[str, Any]
) -> int:
    """Revoke these licences as if they had never been. Answers how many. data: what their events say besides.

    Who holds them is found first, and goes on as arrays: in one statement PostgreSQL looks for all of them anew for
    each party, as long as it has no statistics of the organization.
    """
    org_id = current_org(db)
    standing = select(Licence.id, Licence.party_id).where(Licence.org_id == org_id, which, Licence.revoked_at.is_(None))
    holders = dict(db.execute(standing).tuples().all())
    directory.lock_parties(db, is_one_of(Party.id, sorted(set(holders.values()))))
    revoked = (
        update(Licence)
        .where(these(org_id, holders), Licence.revoked_at.is_(None))
        .values(
            {
                Licence.revoked_at: now,
                Licence.revoked_by_type: actor.type,
                Licence.revoked_by_id: actor.id,
                Licence.revocation_reason: reason,
                Licence.revision: Licence.revision + 1,
            }
        )
        .returning(Licence.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(db.scalars(revoked))
    if not ids:
        return 0
    restored = _restore(db, ids)
    former = func.jsonb_build_object(
        "courseId", Licence.course_id, "former", func.jsonb_build_object("state", former_state(now))
    )
    each = select(subject(Licence.id), Licence.party_id, former.label("data")).where(these(org_id, ids))
    said = {"reason": reason} | data
    events.record_each(db, actor, now, type="licence.revoked", count=len(ids), of=each, data=said)
    about = func.jsonb_build_object("courseId", Licence.course_id, "expiresAt", Licence.expires_at)
    each = select(subject(Licence.id), Licence.party_id, about.label("data")).where(these(org_id, restored))
    events.record_each(db, actor, now, type="licence.restored", count=len(restored), of=each, data=said)
    return len(ids)


def former_state(now: datetime) -> ColumnElement[str]:
    """The state that a licence would be in, were it not revoked."""
    return case(
        (Licence.superseded_at.is_not(None), literal(LicenceState.SUPERSEDED, Text)),
        (Licence.expires_at <= now, literal(LicenceState.EXPIRED, Text)),
        else_=literal(LicenceState.ACTIVE, Text),
    )


def _restore(db: Session, revoked: list[uuid.UUID]) -> list[uuid.UUID]:
    """Let count again what the revoked licences renewed, or what that renewed where it was revoked too.

    Where another licence of the course counts by now, nothing is restored.
    """
    org_id = current_org(db)
    line = (
        select(Licence.renews_id.label("id"))
        .where(Licence.org_id == org_id, Licence.id.in_(revoked), Licence.renews_id.is_not(None))
        .cte("line", recursive=True)
    )
    before = aliased(Licence)
    line = line.union(
        select(before.renews_id)
        .join(line, and_(before.org_id == org_id, before.id == line.c.id))
        .where(before.revoked_at.is_not(None), before.renews_id.is_not(None))
    )
    counting = aliased(Licence)
    another = and_(
        counting.org_id == Licence.org_id,
        counting.party_id == Licence.party_id,
        counting.course_id == Licence.course_id,
        counting.revoked_at.is_(None),
        counting.superseded_at.is_(None),
    )
    restored = (
        update(Licence)
        .where(
            Licence.org_id == org_id,
            Licence.id.in_(select(line.c.id)),
            Licence.revoked_at.is_(None),
            Licence.superseded_at.is_not(None),
            ~select(counting.id).where(another).exists(),
        )
        .values({Licence.superseded_at: None, Licence.revision: Licence.revision + 1})
        .returning(Licence.id)
        .execution_options(synchronize_session=False)
    )
    return list(db.scalars(restored))
