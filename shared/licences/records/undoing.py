"""Taking out what an import brought in, as if it had never been.

A record that a member has revoked or corrected since, or that a session or an assignment has renewed, stays. One that a
later record superseded does not: which licence counts never depends on the order in which records came.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared import directory, events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Party
from shared.events import Event
from shared.jobs import Chunk, Foreseen, Job, OutcomeCode, Tally, store_outcomes
from shared.licences.models import Licence
from shared.licences.queries import has_id, subject
from shared.licences.records.importing import OUTCOMES
from shared.licences.records.storing import party_of, row_of
from shared.licences.succession import held_by, pass_on, restore
from shared.licences.sweeping import restart_notices


def undo_records(db: Session, chunk: Chunk, undo_of: uuid.UUID, now: datetime) -> Tally:
    """Take out the records of a chunk's rows, and let count again what they had superseded."""
    recipients = {row_of(one): one for one in db.scalars(chunk.recipients)}
    party_ids = sorted({party_of(one) for one in recipients.values()})
    directory.lock_parties(db, is_one_of(Party.id, party_ids))
    found = _locked(db, undo_of, party_ids, recipients)
    touched = _touched(db, found, party_ids)
    untouched = [licence for licence in found if licence.id not in touched]
    counted = [licence.id for licence in untouched if licence.superseded_at is None]
    ended = [licence.id for licence in untouched if licence.superseded_at and licence.superseded_by_id is None]
    ids = [licence.id for licence in untouched]
    _take_out(db, chunk, ids, f"Undo of job {undo_of}", now)
    held = held_by(db, party_ids)
    restored = restore(db, held, counted)
    pass_on(db, held, ended, restored)
    restart_notices(db, restored, now, new_end=False)
    codes = {licence.record_row: (OutcomeCode.TOUCHED_SINCE, licence.id) for licence in found}
    codes |= {licence.record_row: (OutcomeCode.RECORD_UNDONE, licence.id) for licence in untouched}
    tally = _store_outcomes(db, chunk, recipients, codes)
    _record(db, chunk, undo_of, ids, restored, now)
    return tally


def foresee_undo(db: Session, job: Job) -> Foreseen:
    """Return what the undo of an import would do to each of its rows, by party."""
    mine = Licence.org_id == current_org(db), Licence.job_id == job.id, Licence.record_row.is_not(None)
    found = list(db.scalars(select(Licence).where(*mine).order_by(Licence.record_row)))
    touched = _touched(db, found, sorted({licence.party_id for licence in found}))
    codes = {True: OutcomeCode.TOUCHED_SINCE, False: OutcomeCode.RECORD_UNDONE}
    return [(licence.party_id, codes[licence.id in touched]) for licence in found]


def _locked(db: Session, undo_of: uuid.UUID, party_ids: Collection[str], rows: Collection[int]) -> list[Licence]:
    of_job = Licence.org_id == current_org(db), Licence.job_id == undo_of, is_one_of(Licence.party_id, party_ids)
    mine = select(Licence).where(*of_job, is_one_of(Licence.record_row, list(rows))).order_by(Licence.id)
    return list(db.scalars(mine.with_for_update(key_share=True)))


def _touched(db: Session, found: Collection[Licence], party_ids: Collection[str]) -> set[uuid.UUID]:
    """The records that were revoked, corrected, or renewed by something else than a record."""
    org_id = current_org(db)
    about = {f"licence/{licence.id}": licence.id for licence in found}
    corrected = select(Event.subject).where(
        Event.org_id == org_id, is_one_of(Event.subject, list(about)), Event.type == "licence.changed"
    )
    renewed = select(Licence.renews_id).where(
        Licence.org_id == org_id,
        is_one_of(Licence.party_id, party_ids),
        Licence.renews_id.is_not(None),
        Licence.record_key.is_(None),
        Licence.revoked_at.is_(None),
    )
    revoked = {licence.id for licence in found if licence.revoked_at is not None}
    return revoked | {about[one] for one in db.scalars(corrected)} | set(db.scalars(renewed).all())  # type: ignore[arg-type]


def _take_out(db: Session, chunk: Chunk, ids: Collection[uuid.UUID], reason: str, now: datetime) -> None:
    """Mark the records as undone. They are revoked too, so that they count nowhere, also not for a former release."""
    actor = chunk.job.actor
    values: dict[Any, Any] = {
        Licence.undone_at: now,
        Licence.revoked_at: now,
        Licence.revoked_by_type: actor.type,
        Licence.revoked_by_id: actor.id,
        Licence.revocation_reason: reason,
        Licence.revoked_job_id: chunk.job.id,
        Licence.revision: Licence.revision + 1,
    }
    taken = update(Licence).where(has_id(current_org(db), ids)).values(values)
    db.execute(taken, execution_options={"synchronize_session": False})


def _store_outcomes(
    db: Session, chunk: Chunk, recipients: Mapping[int, str], codes: Mapping[int | None, tuple[OutcomeCode, uuid.UUID]]
) -> Tally:
    rows = [
        {"entity_id": recipients[row], "outcome": code.outcome, "code": code, "record_id": licence_id, "detail": None}
        for row, (code, licence_id) in codes.items()
        if row is not None
    ]
    known = {"org": chunk.job.org_id, "job": chunk.job.id, "rows": orjson.dumps(rows).decode()}
    return store_outcomes(db, OUTCOMES.bindparams(**known), detailed=True)


def _record(
    db: Session,
    chunk: Chunk,
    undo_of: uuid.UUID,
    ids: Collection[uuid.UUID],
    restored: Collection[uuid.UUID],
    now: datetime,
) -> None:
    """Record `licence.record_undone` for each record, and `licence.restored` for what counts again."""
    org_id, actor, data = current_org(db), chunk.job.actor, {"jobId": str(chunk.job.id)}
    about = func.jsonb_build_object("courseId", Licence.course_id).label("data")
    each = select(subject(Licence.id), Licence.party_id, about).where(has_id(org_id, ids))
    of = data | {"undoOf": str(undo_of)}
    events.record_each(db, actor, now, type="licence.record_undone", count=len(ids), of=each, data=of)
    about = func.jsonb_build_object("courseId", Licence.course_id, "expiresAt", Licence.expires_at).label("data")
    each = select(subject(Licence.id), Licence.party_id, about).where(has_id(org_id, restored))
    said = data | {"reason": f"Undo of job {undo_of}"}
    events.record_each(db, actor, now, type="licence.restored", count=len(restored), of=each, data=said)
