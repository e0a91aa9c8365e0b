"""The undo of a bulk revocation: every party that nobody has licensed since gets a new licence like the former one.

A revoked licence stays revoked, and so does its certificate. The new one has the dates, and its own id and code.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Text, Uuid, cast, func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.jobs import Chunk, Foreseen, Job, OutcomeCode, Tally
from shared.licences.models import Licence, LicenceDue
from shared.licences.queries import has_id
from shared.licences.recording import record_granted
from shared.licences.regranting import COPIED
from shared.licences.revocations.deciding import decide_again, find, held_with, ids_of, revoked_by
from shared.licences.revocations.work import store_codes
from shared.licences.succession import set_behind
from shared.licences.sweeping import restart_notices

Again = Mapping[uuid.UUID, uuid.UUID]
"""The ids of the new licences, by those of the former ones."""


def grant_chunk_again(db: Session, chunk: Chunk, undo_of: uuid.UUID, now: datetime) -> Tally:
    """Grant every recipient again, unless its party has been licensed since."""
    ids = ids_of(db, chunk)
    found = find(db, ids, chunk.job.folders, lock=True)
    theirs = held_with(db, found)
    codes = decide_again(ids, found, theirs)
    former = [found[one] for one, code in codes.items() if code is OutcomeCode.LICENCE_GRANTED]
    again = dict(zip([row.id for row in former], _new_ids(db, len(former)), strict=True))
    _copy(db, chunk, former, again, _in_front(theirs, again), now)
    set_behind(db, {row.id: again[row.superseded_by_id] for row in theirs if row.superseded_by_id in again})
    _follow(db, again, now)
    tally = store_codes(db, chunk, codes, {one: again.get(one, one) for one in found})
    data = {"jobId": str(chunk.job.id), "undoOf": str(undo_of)}
    revokers = {again[row.id]: {"type": row.revoked_by_type, "id": row.revoked_by_id} for row in former}
    replaced = {new: str(one) for one, new in again.items()}
    own = {"revokedBy": _of_each(revokers, "->"), "replaces": _of_each(replaced, "->")}
    record_granted(db, list(again.values()), chunk.job.actor, now, data, own)
    return tally


def foresee_granting_again(db: Session, job: Job) -> Foreseen:
    """Return what the undo of a job would do to each licence that it revoked, with its party."""
    ids = [uuid.UUID(one) for one in db.scalars(revoked_by(job))]
    found = find(db, ids, None, lock=False)
    codes = decide_again(ids, found, held_with(db, found))
    return [(found[one].party_id if one in found else str(one), code) for one, code in codes.items()]


def _new_ids(db: Session, count: int) -> list[uuid.UUID]:
    return list(db.scalars(select(func.uuidv7()).select_from(func.generate_series(1, count))))


def _in_front(theirs: Sequence[Any], again: Again) -> dict[uuid.UUID, uuid.UUID]:
    """Return which licence counts instead of each superseded one, under its new id if it is granted again too."""
    renewed = sorted((row for row in theirs if row.renews_id in again), key=lambda row: row.revoked_at is None)
    in_front = {row.renews_id: row.id for row in renewed}
    in_front |= {row.id: row.superseded_by_id for row in theirs if row.id in again and row.superseded_by_id}
    return {one: again.get(other, other) for one, other in in_front.items()}


def _copy(
    db: Session,
    chunk: Chunk,
    former: Sequence[Any],
    again: Again,
    in_front: Mapping[uuid.UUID, uuid.UUID],
    now: datetime,
) -> None:
    """Insert the new licences. The number of a record goes over to the new one, as only one licence can have it."""
    org_id = current_org(db)
    keys = {row.id: row.record_key for row in former if row.record_key is not None}
    if keys:
        own_id: dict[Any, Any] = {Licence.record_key: cast(Licence.id, Text)}
        db.execute(
            update(Licence).where(has_id(org_id, keys)).values(own_id), execution_options={"synchronize_session": False}
        )
    numbers = {one: str(again[one]) if key == str(one) else key for one, key in keys.items()}
    behind = {row.id: str(in_front[row.id]) for row in former if row.superseded_at and row.id in in_front}
    values: dict[Any, Any] = {column: column for column in COPIED} | {
        Licence.id: cast(_of_each({one: str(new) for one, new in again.items()}), Uuid),
        Licence.job_id: literal(chunk.job.id),
        Licence.restored_at: literal(now),
        Licence.record_key: _of_each(numbers),
        Licence.superseded_by_id: cast(_of_each(behind), Uuid),
    }
    rows = select(*values.values()).where(has_id(org_id, again))
    db.execute(insert(Licence).from_select(list(values), rows, include_defaults=False))


_FOLLOW = text("""
    UPDATE licence_due SET notices = (cast(:published AS jsonb) -> licence_id::text ->> 0)::int,
        expired_at = (cast(:published AS jsonb) -> licence_id::text ->> 1)::timestamptz
    WHERE org_id = :org AND licence_id = ANY (cast(:ids AS uuid[]))""")


def _follow(db: Session, again: Again, now: datetime) -> None:
    """Publish nothing of the new licences that was published of the former ones."""
    if not again:
        return
    org_id = current_org(db)
    due = select(LicenceDue.licence_id, LicenceDue.notices, LicenceDue.expired_at).where(
        LicenceDue.org_id == org_id, is_one_of(LicenceDue.licence_id, list(again))
    )
    published = {str(again[row.licence_id]): (row.notices, row.expired_at) for row in db.execute(due)}
    ids = list(again.values())
    db.execute(_FOLLOW, {"org": org_id, "ids": ids, "published": orjson.dumps(published).decode()})
    restart_notices(db, ids, now, new_end=False)


def _of_each(values: Mapping[uuid.UUID, Any], take: str = "->>") -> Any:
    """The value of each licence, by id, from one parameter; null for one that has none."""
    return literal({str(one): value for one, value in values.items()}, JSONB).op(take)(cast(Licence.id, Text))
