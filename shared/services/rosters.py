"""Rosters: the parties expected at a session, their attendance, and afterwards what the session brought them."""

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
    """Put parties on the roster, those named first, as long as there is room; those that do not get on are named.

    Raises NotFound, InvalidInput, SessionCompleted, SessionCancelled.
    """
    sessions.get(db, session_id, caller.folders)
    need_folders(db, caller, body.folder_ids)
    return sessions.add_to_roster(
        db,
        session_id,
        party_ids=[recipient.entity_id for recipient in body.recipients],
        folder_ids=body.folder_ids,
        scope=caller.folders,
        actor=caller.actor,
        now=now,
    )


@verb(*SEES)
def list_roster(db: Session, caller: Caller, session_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    """The roster in the caller's scope, by party; once completed, with each party's outcome. Raises NotFound."""
    session = sessions.get(db, session_id, caller.folders)[0]
    return sessions.list_roster(db, session, licences.of_session(session_id), caller.folders)


@verb(Permission.ADMIN)
def record_attendance(
    db: Session, caller: Caller, session_id: uuid.UUID, party_id: str, attendance: Attendance, now: datetime
) -> Row[*tuple[Any, ...]]:
    """Record that a party was there or not: only the attended are licensed. Returns its entry.

    Raises NotFound, SessionCompleted, SessionCancelled.
    """
    sessions.record_attendance(db, session_id, party_id, attendance, scope=caller.folders, actor=caller.actor, now=now)
    session = sessions.get(db, session_id, caller.folders)[0]
    rows = sessions.list_roster(db, session, licences.of_session(session_id), caller.folders)
    return db.execute(rows.where(RosterEntry.party_id == party_id)).one()


@verb(Permission.ADMIN)
def remove_from_roster(db: Session, caller: Caller, session_id: uuid.UUID, party_id: str, now: datetime) -> None:
    """Take a party off the roster. Raises NotFound, SessionCompleted, SessionCancelled."""
    sessions.remove_from_roster(db, session_id, party_id, scope=caller.folders, actor=caller.actor, now=now)
