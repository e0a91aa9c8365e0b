"""A party's assignments, when it is merged with another one or gets another id.

Where both parties have an open assignment of one version, the one that was made first stays, and the other is closed.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, Text, cast, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from shared import events
from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import with_ids
from shared.database import current_org
from shared.directory import Move

Moved = dict[str, Any]
"""ids: what was moved. closed: the closed ones, each with the one that stays and its revision."""


def lock_of_parties(db: Session, party_ids: Collection[str]) -> set[uuid.UUID]:
    """Lock every assignment of these parties, by id. Returns their ids."""
    return set(db.scalars(_of_parties(db, party_ids).order_by(Assignment.id).with_for_update()))


def none_but(db: Session, party_ids: Collection[str], locked: Collection[uuid.UUID]) -> bool:
    """True if these parties have no other assignments than those that are locked."""
    return set(db.scalars(_of_parties(db, party_ids))) <= set(locked)


def count_of_party(db: Session, party_id: str) -> int:
    """Returns how many assignments a party has."""
    return len(db.scalars(_of_parties(db, [party_id])).all())


def _of_parties(db: Session, party_ids: Collection[str]) -> Select[uuid.UUID]:
    return select(Assignment.id).where(Assignment.org_id == current_org(db), is_one_of(Assignment.party_id, party_ids))


def twins(db: Session, move: Move) -> dict[uuid.UUID, uuid.UUID]:
    """Returns the open assignments that a merge would close, each with the one of the same version that stays."""
    found = (
        select(Assignment.id, Assignment.course_version_id)
        .where(
            Assignment.org_id == current_org(db),
            is_one_of(Assignment.party_id, move.ids),
            Assignment.state == AssignmentState.ASSIGNED,
        )
        .order_by(Assignment.assigned_at, Assignment.id)
    )
    of_version: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in db.execute(found):
        of_version[row.course_version_id].append(row.id)
    return {other: ids[0] for ids in of_version.values() for other in ids[1:]}


def move_assignments(db: Session, move: Move) -> Moved:
    """Move the assignments of the old party, and close those that both have. Links to what is moved die."""
    org_id, closed = current_org(db), twins(db, move) if move.merges else {}
    _close(db, move, list(closed))
    ids = db.scalars(
        update(Assignment)
        .where(Assignment.org_id == org_id, Assignment.party_id == move.old)
        .values(party_id=move.new, link_epoch=Assignment.link_epoch + 1, revision=Assignment.revision + 1)
        .returning(Assignment.id)
        .execution_options(synchronize_session=False)
    ).all()
    revisions = dict(
        db.execute(select(Assignment.id, Assignment.revision).where(*with_ids(org_id, list(closed)))).tuples().all()
    )
    return {
        "ids": sorted(map(str, ids)),
        "closed": {str(one): [str(stays), revisions[one]] for one, stays in closed.items()},
    }


def _close(db: Session, move: Move, ids: Sequence[uuid.UUID]) -> None:
    if ids:
        values: dict[Any, Any] = {
            Assignment.state: AssignmentState.CLOSED,
            Assignment.closed_by_type: move.actor.type,
            Assignment.closed_by_id: move.actor.id,
            Assignment.closed_at: move.now,
            Assignment.closure_reason: move.reason,
            Assignment.link_epoch: Assignment.link_epoch + 1,
            Assignment.revision: Assignment.revision + 1,
        }
        of_them = update(Assignment).where(*with_ids(current_org(db), ids)).values(values)
        db.execute(of_them.execution_options(synchronize_session=False))


def record_assignments(db: Session, move: Move, moved: Moved) -> None:
    """Record `assignment.closed` for each assignment that a merge closed."""
    stays = {one: stayed for one, (stayed, _) in moved["closed"].items()}
    _record(db, move, "assignment.closed", stays)


def move_assignments_back(db: Session, move: Move, moved: Moved) -> list[str]:
    """Give the old party back what was moved, and open again what was closed and not touched since.

    Returns the ids of those that are open again.
    """
    org_id = current_org(db)
    back = update(Assignment).where(*with_ids(org_id, _ids(moved["ids"])), Assignment.party_id == move.new)
    raised = {"link_epoch": Assignment.link_epoch + 1, "revision": Assignment.revision + 1}
    db.execute(back.values(party_id=move.old, **raised).execution_options(synchronize_session=False))
    # giving one back has raised its revision
    expected = {one: revision + (one in moved["ids"]) for one, (_, revision) in moved["closed"].items()}
    closed = select(Assignment.id, Assignment.revision).where(
        *with_ids(org_id, _ids(expected)), Assignment.state == AssignmentState.CLOSED
    )
    untouched = [row.id for row in db.execute(closed) if expected[str(row.id)] == row.revision]
    other = aliased(Assignment)
    taken = exists().where(
        other.org_id == org_id,
        other.party_id == Assignment.party_id,
        other.course_version_id == Assignment.course_version_id,
        other.state == AssignmentState.ASSIGNED,
    )
    opened = update(Assignment).where(*with_ids(org_id, untouched), ~taken).values(_OPEN)
    returned = opened.returning(Assignment.id).execution_options(synchronize_session=False)
    return sorted(map(str, db.scalars(returned)))


_OPEN: dict[Any, Any] = {
    Assignment.state: AssignmentState.ASSIGNED,
    Assignment.closed_by_type: None,
    Assignment.closed_by_id: None,
    Assignment.closed_at: None,
    Assignment.closure_reason: None,
    Assignment.revision: Assignment.revision + 1,
}


def _ids(written: Iterable[str]) -> list[uuid.UUID]:
    return [uuid.UUID(one) for one in written]


def record_assignments_back(db: Session, move: Move, opened: Sequence[str]) -> None:
    """Record `assignment.reopened` for each assignment that is open again."""
    _record(db, move, "assignment.reopened", dict.fromkeys(opened))


def _record(db: Session, move: Move, type: str, stays: dict[str, Any]) -> None:
    if stays:
        about = func.jsonb_strip_nulls(
            func.jsonb_build_object(
                "courseId",
                Assignment.course_id,
                "courseVersionId",
                Assignment.course_version_id,
                "mergedWith",
                literal(stays, JSONB).op("->")(cast(Assignment.id, Text)),
            )
        )
        each = select(
            func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id, about.label("data")
        ).where(*with_ids(current_org(db), _ids(stays)))
        data = {"reason": move.reason, "jobId": str(move.job_id)}
        events.record_each(db, move.actor, move.now, type=type, count=len(stays), of=each, data=data)
