"""The assignments and licences of the party that the caller represents. They need no permission."""

from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, licences
from shared.access import Caller
from shared.assignments import Assignment
from shared.licences import Filters, LicenceRows
from shared.services.verbs import verb


@verb()
def list_my_assignments(db: Session, caller: Caller, now: datetime) -> Select[Assignment, str, str] | None:
    """Select the open assignments of the caller's party by due date, then the completed ones. None without a party."""
    if caller.party_id is None:
        return None
    return assignments.list_personal(db, caller.party_id, access.today(db, now))


@verb()
def list_my_licences(db: Session, caller: Caller, now: datetime) -> LicenceRows | None:
    """Select the licences of the caller's party, the newest first. None without a party."""
    if caller.party_id is None:
        return None
    return licences.list_licences(db, Filters(now, party_id=caller.party_id), None)
