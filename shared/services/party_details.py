"""One party as people read it: what it owes, holds and attends, what it was told, and what happened."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from shared import access, sessions
from shared.access import Caller
from shared.assignments import Filters as OfAssignments
from shared.assignments import Sort
from shared.deliveries import Which
from shared.directory import PartyAnswer
from shared.events import Filters as OfEvents
from shared.licences import Filters as OfLicences
from shared.licences import Sort as SortOfLicences
from shared.pagination import Rows, page
from shared.services.assignments import list_assignments
from shared.services.deliveries import list_deliveries
from shared.services.directory import SEES, get_party
from shared.services.licences import list_licences
from shared.services.naming import History, read_history
from shared.services.sessions import list_sessions
from shared.services.verbs import verb
from shared.sessions import Filters as OfSessions

MOST = 20
"""Rows of each part of the page. The page leads to the list with all of them."""


@dataclass
class Part:
    """The first rows of one part. more: True if there are others."""

    rows: list[Any] = field(default_factory=list)
    more: bool = False


@dataclass
class PartyDetails:
    """A party, and what happened to it. None: of what the caller may not see. sessions: each with its attendance."""

    party: PartyAnswer
    history: History
    assignments: Part | None = None
    licences: Part | None = None
    sessions: Part | None = None
    deliveries: Part | None = None


@verb(*SEES)
def get_party_details(db: Session, caller: Caller, party_id: str, now: datetime) -> PartyDetails:
    """Return one party in the caller's scope, with what the caller's permissions allow. Raises NotFound."""
    party = PartyAnswer.of(*get_party(db, caller, party_id))
    found = PartyDetails(party, read_history(db, caller, OfEvents(party_id=party_id), MOST))
    if list_assignments.may(caller):
        filters = OfAssignments(access.today(db, now), party_id=party_id)
        found.assignments = _part(db, list_assignments(db, caller, filters, Sort.NEWEST, titled=True))
    if list_licences.may(caller):
        of = OfLicences(now, party_id=party_id)
        found.licences = _part(db, list_licences(db, caller, of, SortOfLicences.NEWEST, titled=True))
    if list_sessions.may(caller):
        expected = list_sessions(db, caller, OfSessions(party_id=party_id))
        found.sessions = _part(db, expected.add_columns(sessions.attendance_of(party_id)))
    if list_deliveries.may(caller):
        found.deliveries = _part(db, list_deliveries(db, caller, Which(party_id=party_id)))
    return found


def _part(db: Session, rows: Rows) -> Part:
    first = page(db, rows, limit=MOST, cursor=None)
    return Part(first.items, more=first.next_cursor is not None)
