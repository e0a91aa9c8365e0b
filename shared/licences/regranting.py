"""Granting again what a job had revoked, when that job is undone: the completions stand again as they were.

A revoked licence stays revoked, so the party gets a new one with the dates of the former.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, literal, select, update
from sqlalchemy.orm import Session, aliased

from shared import directory, events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Party
from shared.events import Actor
from shared.licences.models import Licence
from shared.licences.queries import COUNTS, has_id
from shared.licences.recording import record_granted, superseded_by
from shared.licences.sweeping import restart_notices

OWN = {
    "id",
    "code",
    "revision",
    "job_id",
    "revoked_at",
    "revoked_by_type",
    "revoked_by_id",
    "revocation_reason",
    "revoked_job_id",
    "restored_at",
}
"""The columns in which the new licence differs from the former one. A column that is added to the table is copied."""

COPIED: tuple[Any, ...] = tuple(
    getattr(Licence, column.name) for column in Licence.__table__.columns if column.name not in OWN
)


def grant_again(
    db: Session,
    revoked_job_id: uuid.UUID,
    assignment_ids: Collection[uuid.UUID],
    actor: Actor,
    now: datetime,
    *,
    job_id: uuid.UUID,
) -> int:
    """Grant again the licences of these assignments that a job revoked. Returns how many.

    Each supersedes again the licence that it had renewed. Skips one if another licence of the party and course counts
    by now: the party is licensed by that.
    """
    org_id = current_org(db)
    rows = db.execute(
        select(Licence.id, Licence.party_id, Licence.course_id, Licence.renews_id, Licence.superseded_at).where(
            Licence.org_id == org_id,
            is_one_of(Licence.assignment_id, list(assignment_ids)),
            Licence.revoked_job_id == revoked_job_id,
        )
    ).all()
    party_ids = sorted({row.party_id for row in rows})
    directory.lock_parties(db, is_one_of(Party.id, party_ids))
    counting = _counting(db, party_ids)
    again: list[Any] = []
    for row in rows:
        counts = counting.get((row.party_id, row.course_id))
        if row.superseded_at is not None or counts in (None, row.renews_id):
            again.append(row)
    renewed = [row.renews_id for row in again if row.superseded_at is None and row.renews_id in counting.values()]
    _supersede(db, renewed, now)
    ids = _copy(db, [row.id for row in again], job_id, now)
    restart_notices(db, ids, now, new_end=False)
    data = {"jobId": str(job_id), "undoOf": str(revoked_job_id)}
    record_granted(db, ids, actor, now, data, {"replaces": _former_id(revoked_job_id)})
    _record_superseded(db, ids, renewed, actor, now)
    return len(ids)


def _counting(db: Session, party_ids: Collection[str]) -> dict[tuple[str, uuid.UUID], uuid.UUID]:
    rows = db.execute(
        select(Licence.party_id, Licence.course_id, Licence.id).where(
            Licence.org_id == current_org(db), is_one_of(Licence.party_id, list(party_ids)), COUNTS
        )
    )
    return {(row.party_id, row.course_id): row.id for row in rows}


def _supersede(db: Session, ids: Collection[uuid.UUID], now: datetime) -> None:
    superseded = update(Licence).where(has_id(current_org(db), ids))
    values = {Licence.superseded_at: now, Licence.revision: Licence.revision + 1}
    db.execute(superseded.values(values), execution_options={"synchronize_session": False})


def _copy(db: Session, ids: Collection[uuid.UUID], job_id: uuid.UUID, now: datetime) -> list[uuid.UUID]:
    columns: list[Any] = [*COPIED, Licence.job_id, Licence.restored_at]
    former = select(*COPIED, literal(job_id), literal(now)).where(has_id(current_org(db), ids))
    ordered = former.order_by(Licence.party_id, Licence.id)
    inserted = insert(Licence).from_select(columns, ordered, include_defaults=False).returning(Licence.id)
    return list(db.scalars(inserted))


def _former_id(revoked_job_id: uuid.UUID) -> ColumnElement[Any]:
    """Return the expression of the licence that the job revoked, of a licence that its undo granted."""
    former = aliased(Licence)
    of_party = former.org_id == Licence.org_id, former.party_id == Licence.party_id  # an index has them in this order
    revoked = former.assignment_id == Licence.assignment_id, former.revoked_job_id == revoked_job_id
    return select(former.id).where(*of_party, *revoked).limit(1).scalar_subquery()


def _record_superseded(
    db: Session, ids: Collection[uuid.UUID], renewed: Collection[uuid.UUID], actor: Actor, now: datetime
) -> None:
    """Record `licence.superseded` for what was superseded again."""
    from_ids = has_id(current_org(db), ids), is_one_of(Licence.renews_id, list(renewed))
    each = superseded_by(*from_ids)
    events.record_each(db, actor, now, type="licence.superseded", count=len(renewed), of=each, data={})
