"""Rosters: add and remove parties, list them with their outcomes, record attendance."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import licences, sessions
from shared.access import Caller, Permission
from shared.services.sessions import SEES
from shared.services.submitting import need_folders
from shared.services.verbs import verb
from shared.sessions import Addition, Attendance, RosterEntry, RosterRequest


@verb(Permission.ADMIN)
def add_to_roster(db: Session, caller: Caller, session_id: uuid.UUID, body: RosterRequest, now: datetime) -> Addition:
    """Add parties to the roster until its capacity is reached, named ones first. Returns who was refused, and why.

    Raises NotFound, InvalidInput, SessionCompleted, SessionCancelled.
    """
    sessions.get(db, session_id, caller.folders)
    need_folders(db, caller, body.folder_ids)
    return sessions.add_to_roster(
        db,
        session_id,
        party_ids=body.recipients,
        folder_ids=body.folder_ids,
        scope=caller.folders,
        actor=caller.actor,
        now=now,
    )


@verb(*SEES)
def list_roster(db: Session, caller: Caller, session_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """Select the roster in the caller's scope, by party, with outcomes once it is completed. Raises NotFound."""
    session = sessions.get(db, session_id, caller.folders)[0]
    return sessions.list_roster(db, session, licences.of_session(session_id), caller.folders)


@verb(Permission.ADMIN)
def record_attendance(
    db: Session, caller: Caller, session_id: uuid.UUID, party_id: str, attendance: Attendance, now: datetime
) -> Row[*tuple[Any, ...]]:
    """Record the attendance of a party. Only parties that attended are licensed. Returns the entry.

    Raises NotFound, SessionCompleted, SessionCancelled.
    """
    sessions.record_attendance(db, session_id, party_id, attendance, scope=caller.folders, actor=caller.actor, now=now)
    session = sessions.get(db, session_id, caller.folders)[0]
    rows = sessions.list_roster(db, session, licences.of_session(session_id), caller.folders)
    return db.execute(rows.where(RosterEntry.party_id == party_id)).one()


@verb(Permission.ADMIN)
def remove_from_roster(db: Session, caller: Caller, session_id: uuid.UUID, party_id: str, now: datetime) -> None:
    """Remove a party from the roster. Raises NotFound, SessionCompleted, SessionCancelled."""
    sessions.remove_from_roster(db, session_id, party_id, scope=caller.folders, actor=caller.actor, now=now)
