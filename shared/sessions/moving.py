"""A party's places on rosters, when it is merged with another one or gets another id.

Where both parties are on one roster, one entry stays: one that was not removed, then one that attended, then the one
that was made first. Attendance comes before the day, because licences stand on it.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, func, literal_column, select, text, tuple_, update
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Move
from shared.sessions.models import Attendance, RosterEntry, SessionState, TrainingSession

Moved = dict[str, Any]
"""ids: the sessions on whose rosters an entry was moved. dropped: the entries that were left out, as rows."""


def lock_of_parties(db: Session, party_ids: Collection[str]) -> bool:
    """Lock the sessions on whose rosters these parties are, by id. Returns False if one of them is being completed.

    Such a session must not be locked by a transaction that waits for the event counter: see docs/locks.md.
    """
    theirs = select(RosterEntry.session_id).where(
        RosterEntry.org_id == current_org(db), is_one_of(RosterEntry.party_id, party_ids)
    )
    ids = list(db.scalars(theirs))
    mine = TrainingSession.org_id == current_org(db), is_one_of(TrainingSession.id, ids)
    states = select(TrainingSession.state).where(*mine).order_by(TrainingSession.id)
    return SessionState.COMPLETING not in db.scalars(states.with_for_update(key_share=True)).all()


def twins(db: Session, move: Move) -> list[tuple[uuid.UUID, str]]:
    """Returns the entries that a merge would leave out, because the other party is on the roster too."""
    entries = select(RosterEntry).where(
        RosterEntry.org_id == current_org(db), is_one_of(RosterEntry.party_id, move.ids)
    )
    of_session: dict[uuid.UUID, list[RosterEntry]] = defaultdict(list)
    for entry in db.scalars(entries):
        of_session[entry.session_id].append(entry)
    found = [(one, sorted(both, key=_rank)[1:]) for one, both in of_session.items()]
    return [(one, other.party_id) for one, others in found for other in others]


def _rank(entry: RosterEntry) -> tuple[Any, ...]:
    absent = entry.attendance != Attendance.ATTENDED
    return entry.removed_at is not None, absent, entry.added_at, entry.party_id


def count_of_party(db: Session, party_id: str) -> int:
    """Returns on how many rosters a party is."""
    theirs = RosterEntry.org_id == current_org(db), RosterEntry.party_id == party_id
    return db.scalar(select(func.count()).select_from(RosterEntry).where(*theirs)) or 0


def move_rosters(db: Session, move: Move) -> Moved:
    """Move the old party's places on rosters. Of a session in which both are, one entry is left out."""
    org_id, left_out = current_org(db), twins(db, move) if move.merges else []
    dropped: Sequence[Any] = []
    if left_out:
        these = tuple_(RosterEntry.session_id, RosterEntry.party_id).in_(left_out)
        rows = select(func.to_jsonb(literal_column("roster_entry"))).where(RosterEntry.org_id == org_id, these)
        dropped = db.scalars(rows).all()
        db.execute(delete(RosterEntry).where(RosterEntry.org_id == org_id, these), execution_options=_BARE)
    moved = _moved(db, move.old, move.new, RosterEntry.party_id == move.old)
    _touch(db, [*moved, *(one for one, _ in left_out)], move.now)
    return {"ids": sorted(map(str, moved)), "dropped": list(dropped)}


def move_rosters_back(db: Session, move: Move, moved: Moved) -> None:
    """Give the old party its places back, and put the entries back that were left out."""
    ids = [uuid.UUID(one) for one in moved["ids"]]
    back = _moved(db, move.new, move.old, is_one_of(RosterEntry.session_id, ids))
    if moved["dropped"]:
        db.execute(_PUT_BACK, {"rows": orjson.dumps(moved["dropped"]).decode()})
    _touch(db, [*back, *(uuid.UUID(one["session_id"]) for one in moved["dropped"])], move.now)


_BARE: dict[str, Any] = {"synchronize_session": False}

_PUT_BACK = text("""
    INSERT INTO roster_entry SELECT * FROM jsonb_populate_recordset(NULL::roster_entry, cast(:rows AS jsonb))
    ON CONFLICT DO NOTHING""")


def _moved(db: Session, source: str, target: str, which: Any) -> Sequence[uuid.UUID]:
    entries = update(RosterEntry).where(RosterEntry.org_id == current_org(db), RosterEntry.party_id == source, which)
    given = entries.values(party_id=target).returning(RosterEntry.session_id)
    return db.scalars(given, execution_options=_BARE).all()


def _touch(db: Session, ids: Collection[uuid.UUID], now: datetime) -> None:
    """Raise the roster's revision of sessions that are still to come: calendar files and forms show the roster."""
    of_them = TrainingSession.org_id == current_org(db), is_one_of(TrainingSession.id, list(ids))
    to_come = TrainingSession.state == SessionState.SCHEDULED
    later = func.coalesce(TrainingSession.stamped_at, TrainingSession.updated_at) + timedelta(seconds=1)
    raised = {"roster_revision": TrainingSession.roster_revision + 1, "stamped_at": func.greatest(now, later)}
    db.execute(update(TrainingSession).where(*of_them, to_come).values(**raised), execution_options=_BARE)
