"""The assignments, licences and sessions of the party that the caller represents. They need no permission."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, licences, sessions
from shared.access import Caller
from shared.assignments import Assignment
from shared.catalogue import content_of
from shared.licences import Filters, Licence
from shared.services.verbs import verb


@verb()
def list_my_assignments(db: Session, caller: Caller, now: datetime) -> Select[*tuple[Any, ...]] | None:
    """Select the open assignments of the caller's party by due date, then the completed ones. None without a party."""
    if caller.party_id is None:
        return None
    mine = assignments.list_personal(db, caller.party_id, access.today(db, now))
    return mine.add_columns(*content_of(Assignment))


@verb()
def list_my_licences(db: Session, caller: Caller, now: datetime) -> Select[*tuple[Any, ...]] | None:
    """Select the licences of the caller's party, the newest first. None without a party."""
    if caller.party_id is None:
        return None
    mine = licences.list_licences(db, Filters(now, party_id=caller.party_id), None)
    return mine.add_columns(*content_of(Licence))


@verb()
def list_my_sessions(db: Session, caller: Caller) -> Select[*tuple[Any, ...]] | None:
    """Select the sessions that the caller's party is expected at, by their start. None without a party."""
    return None if caller.party_id is None else sessions.list_personal(db, caller.party_id)
