"""Changing the roster of a scheduled session: adding thousands of parties at once, removing one, recording attendance.

Every change locks the session. So of two requests that add parties at once, the second one sees how many seats the
first one has left.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared import catalogue, directory, events
from shared.arrays import texts
from shared.directory import FolderMember, Party
from shared.errors import NotFound
from shared.events import Actor, Fact
from shared.jobs import OutcomeCode
from shared.sessions.actions import about, locked, need_scheduled, size, touch_roster
from shared.sessions.models import Attendance, RosterEntry, TrainingSession
from shared.sessions.roster_schemas import CAPACITY_EXCEEDED, recorded_attendance

ADDED, ALREADY_THERE = "added", "already-there"

AFTER_ALL_NAMED = 2**31
"""The place of a folder's parties in the order of adding: after all named parties."""


@dataclass(frozen=True)
class Addition:
    """The result of adding parties. refused: (party id, code), by code, then in the order of adding."""

    added: int
    already_there: int
    refused: Sequence[tuple[str, str]]


def add_to_roster(
    db: Session,
    session_id: uuid.UUID,
    *,
    party_ids: Sequence[str],
    folder_ids: Collection[str],
    scope: Collection[str] | None,
    actor: Actor,
    now: datetime,
) -> Addition:
    """Add parties to the roster until its capacity is reached: named ones in their order, then those of folders by id.

    scope: the caller's folders, None for all. Raises NotFound, SessionCompleted, SessionCancelled, InvalidInput for an
    archived course.
    """
    session = locked(db, session_id, scope)
    need_scheduled(session)
    catalogue.need_not_archived(db, session.course_id, pointer="")
    room = None if session.capacity is None else session.capacity - size(db, session_id)
    placed = _placed(session, party_ids, folder_ids, scope, room)
    entries = select(
        literal(session.org_id), literal(session_id), placed.c.party_id, *map(literal, (actor.type, actor.id, now))
    )
    columns = ["org_id", "session_id", "party_id", "added_by_type", "added_by_id", "added_at"]
    added = (
        insert(RosterEntry)
        .from_select(columns, entries.where(placed.c.code == ADDED).order_by(placed.c.party_id), include_defaults=False)
        .cte("added")
    )
    in_order = func.array_agg(aggregate_order_by(placed.c.party_id, placed.c.place, placed.c.party_id))
    counted = select(placed.c.code, in_order).group_by(placed.c.code).add_cte(added)
    by_code: dict[str, list[str]] = dict(db.execute(counted).tuples().all())
    new, there = by_code.pop(ADDED, []), by_code.pop(ALREADY_THERE, [])
    if new:
        touch_roster(db, session, now)
    each = select(literal(f"session/{session_id}").label("subject"), func.unnest(texts(new)).label("party_id"))
    data = about(session)
    events.record_each(db, actor, now, type="session.roster_added", count=len(new), of=each, data=data)
    return Addition(len(new), len(there), [(party_id, code) for code in sorted(by_code) for party_id in by_code[code]])


def remove_from_roster(
    db: Session, session_id: uuid.UUID, party_id: str, *, scope: Collection[str] | None, actor: Actor, now: datetime
) -> None:
    """Remove a party from the roster. Raises NotFound, SessionCompleted, SessionCancelled."""
    session = locked(db, session_id, scope)
    need_scheduled(session)
    removed = db.scalar(
        delete(RosterEntry)
        .where(*_entry_of(session, party_id, scope))
        .returning(RosterEntry.party_id)
        .execution_options(synchronize_session=False)
    )
    if removed is None:
        raise NotFound("party on this roster")
    touch_roster(db, session, now)
    events.record(
        db, actor, now, Fact("session.roster_removed", f"session/{session_id}", about(session), party_id=party_id)
    )


def record_attendance(
    db: Session,
    session_id: uuid.UUID,
    party_id: str,
    attendance: Attendance,
    *,
    scope: Collection[str] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Record the attendance of a party. Raises NotFound, SessionCompleted, SessionCancelled."""
    session = locked(db, session_id, scope)
    need_scheduled(session)
    mine = _entry_of(session, party_id, scope)
    entry = db.scalar(select(RosterEntry).where(*mine).execution_options(populate_existing=True))
    if entry is None:
        raise NotFound("party on this roster")
    former = recorded_attendance(entry)
    if former == attendance:
        return
    entry.attendance, entry.attendance_recorded_at = attendance, now
    db.flush()
    data = about(session) | {"attendance": attendance, "former": {"attendance": former or Attendance.ATTENDED}}
    events.record(db, actor, now, Fact("session.attendance_recorded", f"session/{session_id}", data, party_id=party_id))


def _entry_of(session: TrainingSession, party_id: str, scope: Collection[str] | None) -> tuple[Any, ...]:
    return (
        RosterEntry.org_id == session.org_id,
        RosterEntry.session_id == session.id,
        RosterEntry.party_id == party_id,
        directory.in_scope(RosterEntry.party_id, scope),
    )


def _placed(
    session: TrainingSession,
    party_ids: Sequence[str],
    folder_ids: Collection[str],
    scope: Collection[str] | None,
    room: int | None,
) -> CTE:
    """The parties to add, each with its `place` in the order of adding and its result as `code`. room: free seats."""
    wanted = _wanted(session.org_id, party_ids, folder_ids).subquery()
    entry = and_(
        RosterEntry.org_id == session.org_id,
        RosterEntry.session_id == session.id,
        RosterEntry.party_id == wanted.c.party_id,
    )
    known = (
        select(
            wanted.c.party_id,
            wanted.c.place,
            case(
                (
                    Party.id.is_(None) | ~directory.in_scope(wanted.c.party_id, scope),
                    literal(OutcomeCode.PARTY_NOT_FOUND, Text),
                ),
                (RosterEntry.party_id.is_not(None), literal(ALREADY_THERE, Text)),
                (~Party.active, literal(OutcomeCode.PARTY_INACTIVE, Text)),
                else_=literal(ADDED, Text),
            ).label("code"),
        )
        .select_from(wanted)
        .outerjoin(Party, and_(Party.org_id == session.org_id, Party.id == wanted.c.party_id))
        .outerjoin(RosterEntry, entry)
        .subquery()
    )
    if room is None:
        return select(known).cte("placed")
    turn = func.row_number().over(partition_by=known.c.code, order_by=(known.c.place, known.c.party_id))
    full = and_(known.c.code == ADDED, cast(turn, Integer) > room)
    code = case((full, literal(CAPACITY_EXCEEDED, Text)), else_=known.c.code).label("code")
    return select(known.c.party_id, known.c.place, code).cte("placed")


def _wanted(org_id: str, party_ids: Sequence[str], folder_ids: Collection[str]) -> Select[str, int]:
    """Select each party once, with the first of its places."""
    given = (
        func.unnest(texts(party_ids)).table_valued(column("party_id", Text), with_ordinality="place").render_derived()
    )
    named = select(given.c.party_id.collate("C").label("party_id"), cast(given.c.place, BigInteger).label("place"))
    members = select(FolderMember.party_id, literal(AFTER_ALL_NAMED, BigInteger)).where(
        FolderMember.org_id == org_id, FolderMember.folder_id == any_(texts(folder_ids))
    )
    each = union_all(named, members).subquery()
    return select(each.c.party_id, func.min(each.c.place).label("place")).group_by(each.c.party_id)
