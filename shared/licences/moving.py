"""A party's licences, when it is merged with another one or gets another id.

Of a course at most one licence counts: the one that ends later, or was granted earlier, stays, and the other is
superseded by it. Of one session only one licence is not revoked, so its twin is revoked.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Text, cast, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from shared import events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Move
from shared.licences.models import Licence, LicenceDue
from shared.licences.queries import has_id, subject
from shared.licences.revoking import former_state
from shared.licences.succession import held_by, restore_apart
from shared.licences.sweeping import restart_notices

Moved = dict[str, Any]
"""ids: what was moved. revoked, superseded: those that no longer count, each with the one that stays. keys: the numbers
of records of which the other party has the same one."""


@dataclass(frozen=True)
class Twins:
    """The licences that a merge would end, each with the one that stays. same: records of which there are two."""

    revoked: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    superseded: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    same: dict[uuid.UUID, str] = field(default_factory=dict)


def lock_of_parties(db: Session, party_ids: Collection[str]) -> None:
    """Lock every licence of these parties by id, then its row of `licence_due`."""
    theirs = select(Licence.id).where(Licence.org_id == current_org(db), is_one_of(Licence.party_id, party_ids))
    ids = list(db.scalars(theirs.order_by(Licence.id).with_for_update(key_share=True)))
    due = select(LicenceDue.licence_id).where(
        LicenceDue.org_id == current_org(db), is_one_of(LicenceDue.licence_id, ids)
    )
    db.execute(due.order_by(LicenceDue.licence_id).with_for_update())


def count_of_party(db: Session, party_id: str) -> int:
    """Returns how many licences a party has or had."""
    theirs = Licence.org_id == current_org(db), Licence.party_id == party_id
    return db.scalar(select(func.count()).select_from(Licence).where(*theirs)) or 0


def twins(db: Session, move: Move) -> Twins:
    """Returns what a merge would end of the licences of both parties."""
    theirs = Licence.org_id == current_org(db), is_one_of(Licence.party_id, move.ids)
    held = sorted(db.scalars(select(Licence).where(*theirs).execution_options(populate_existing=True)), key=_rank)
    found = Twins()
    unrevoked = [one for one in held if one.revoked_at is None]
    found.revoked.update(_others(unrevoked, lambda one: one.session_id))
    standing = [one for one in unrevoked if one.id not in found.revoked and one.superseded_at is None]
    found.superseded.update(_others(standing, lambda one: one.course_id))
    records = [one for one in held if one.record_key is not None and one.undone_at is None]
    same = _others(records, lambda one: (one.course_id, one.completed_on, one.record_key))
    found.same.update({one.id: one.record_key or "" for one in records if one.id in same})
    return found


def _rank(one: Licence) -> tuple[Any, ...]:
    """Those that count come first, then those that end later, then those that were granted earlier."""
    counts = one.revoked_at is None and one.superseded_at is None
    return not counts, -one.expires_at.timestamp(), one.granted_at, one.id


def _others(ranked: Iterable[Licence], by: Callable[[Licence], Any]) -> dict[uuid.UUID, uuid.UUID]:
    """Of each group of licences, all but the first, each with the first. Those of no group (None) are left alone."""
    groups: dict[Any, list[uuid.UUID]] = defaultdict(list)
    for one in ranked:
        if by(one) is not None:
            groups[by(one)].append(one.id)
    return {other: ids[0] for ids in groups.values() for other in ids[1:]}


_BARE: dict[str, Any] = {"synchronize_session": False}


def move_licences(db: Session, move: Move) -> Moved:
    """Move the licences of the old party, and end those of which the other party has a twin."""
    org_id, found = current_org(db), twins(db, move) if move.merges else Twins()
    raised: dict[Any, Any] = {Licence.revision: Licence.revision + 1}
    revocation: dict[Any, Any] = {
        Licence.revoked_at: move.now,
        Licence.revoked_by_type: move.actor.type,
        Licence.revoked_by_id: move.actor.id,
        Licence.revocation_reason: move.reason,
        Licence.revoked_job_id: move.job_id,
    }
    db.execute(
        update(Licence).where(has_id(org_id, found.revoked)).values(revocation | raised), execution_options=_BARE
    )
    for one, stays in found.superseded.items():
        ended: dict[Any, Any] = {Licence.superseded_at: move.now, Licence.superseded_by_id: stays}
        db.execute(update(Licence).where(has_id(org_id, [one])).values(ended | raised), execution_options=_BARE)
    own_id: dict[Any, Any] = {Licence.record_key: cast(Licence.id, Text)}
    db.execute(update(Licence).where(has_id(org_id, found.same)).values(own_id), execution_options=_BARE)
    ids = db.scalars(
        update(Licence)
        .where(Licence.org_id == org_id, Licence.party_id == move.old)
        .values({Licence.party_id: move.new} | raised)
        .returning(Licence.id),
        execution_options=_BARE,
    ).all()
    return {
        "ids": sorted(map(str, ids)),
        "revoked": {str(one): str(stays) for one, stays in found.revoked.items()},
        "superseded": {str(one): str(stays) for one, stays in found.superseded.items()},
        "keys": {str(one): key for one, key in found.same.items()},
    }


def record_licences(db: Session, move: Move, moved: Moved) -> None:
    """Record `licence.revoked` and `licence.superseded` for what a merge ended."""
    state = func.jsonb_build_object("state", former_state(move.now))
    data = {"reason": move.reason, "jobId": str(move.job_id)}
    _record(db, move, "licence.revoked", moved["revoked"], data, former=state, mergedWith=_of(moved["revoked"]))
    _record(db, move, "licence.superseded", moved["superseded"], {}, supersededBy=_of(moved["superseded"]))


def move_licences_back(db: Session, move: Move, moved: Moved) -> list[str]:
    """Give the old party its licences back, and let those count again that the merge had ended.

    Returns the ids of those that are revoked or superseded no more.
    """
    org_id = current_org(db)
    raised: dict[Any, Any] = {Licence.revision: Licence.revision + 1}
    mine = update(Licence).where(has_id(org_id, _ids(moved["ids"])), Licence.party_id == move.new)
    db.execute(mine.values({Licence.party_id: move.old} | raised), execution_options=_BARE)
    for one, key in moved["keys"].items():
        own_id = Licence.record_key == cast(Licence.id, Text)
        number: dict[Any, Any] = {Licence.record_key: key}
        db.execute(update(Licence).where(has_id(org_id, _ids([one])), own_id).values(number), execution_options=_BARE)
    cleared: dict[Any, Any] = dict.fromkeys(
        (Licence.revoked_at, Licence.revoked_by_type, Licence.revoked_by_id, Licence.revocation_reason)
    )
    by_merge = Licence.revoked_job_id == move.undo_of
    other = aliased(Licence)
    counting = exists().where(
        other.org_id == org_id,
        other.party_id == Licence.party_id,
        other.course_id == Licence.course_id,
        other.revoked_at.is_(None),
        other.superseded_at.is_(None),
    )
    free = or_(Licence.superseded_at.is_not(None), ~counting)
    unrevoked = db.scalars(
        update(Licence)
        .where(has_id(org_id, _ids(moved["revoked"])), by_merge, Licence.revoked_at.is_not(None), free)
        .values(cleared | {Licence.revoked_job_id: None} | raised)
        .returning(Licence.id),
        execution_options=_BARE,
    ).all()
    restored = restore_apart(db, held_by(db, move.ids))
    restart_notices(db, [*unrevoked, *restored], move.now, new_end=False)
    return sorted({str(one) for one in (*unrevoked, *restored)})


def record_licences_back(db: Session, move: Move, restored: Collection[str]) -> None:
    """Record `licence.restored` for each licence that is not ended any more."""
    data = {"reason": move.reason, "jobId": str(move.job_id)}
    _record(db, move, "licence.restored", dict.fromkeys(restored), data, expiresAt=Licence.expires_at)


def _of(stays: dict[str, Any]) -> Any:
    return literal(stays, JSONB).op("->")(cast(Licence.id, Text))


def _record(db: Session, move: Move, type: str, which: Collection[str], data: dict[str, Any], **about: Any) -> None:
    if which:
        pairs: list[Any] = ["courseId", Licence.course_id]
        for name, value in about.items():
            pairs += [name, value]
        each = select(subject(Licence.id), Licence.party_id, func.jsonb_build_object(*pairs).label("data"))
        of = each.where(has_id(current_org(db), _ids(which)))
        events.record_each(db, move.actor, move.now, type=type, count=len(which), of=of, data=data)


def _ids(written: Iterable[str]) -> Sequence[uuid.UUID]:
    return [uuid.UUID(one) for one in written]
