"""Rosters: add and remove parties, list them with their outcomes, record attendance."""

import uuid
from typing import Annotated

from fastapi import Path, status

from api.http.accepting import Keeping
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.lists import AskedList
from api.http.routing import Router
from shared.database import ID_PATTERN
from shared.services import rosters
from shared.sessions import AttendanceRequest, Refusal, RosterAnswer, RosterEntryAnswer, RosterRequest
from shared.wire import Listing

router = Router("/v1/sessions", "sessions")

PartyId = Annotated[str, Path(pattern=ID_PATTERN)]


@router.post("/{session_id}/roster", dependencies=[allow(rosters.add_to_roster)])
def add_to_roster(
    session_id: uuid.UUID, body: RosterRequest, db: Db, caller: CurrentCaller, keep: Keeping, now: Now
) -> RosterAnswer:
    """Add parties to the roster until its capacity is reached, named ones first. `refused` lists the others."""
    done = rosters.add_to_roster(db, caller, session_id, body, now)
    keep(done.added)
    refused = [Refusal.of(*refusal) for refusal in done.refused]
    return RosterAnswer(added=done.added, already_there=done.already_there, refused=refused)


@router.get("/{session_id}/roster", dependencies=[allow(rosters.list_roster)])
def list_roster(asked: AskedList, session_id: uuid.UUID) -> Listing[RosterEntryAnswer]:
    """The roster in the caller's scope, by party, with outcomes once completed. `Accept: text/csv` or XLSX: all."""
    rows = rosters.list_roster(asked.db, asked.caller, session_id)
    return asked.page(rows, RosterEntryAnswer, RosterEntryAnswer.fields, name=f"roster-{session_id}")


@router.put("/{session_id}/roster/{party_id}", dependencies=[allow(rosters.record_attendance)])
def record_attendance(
    session_id: uuid.UUID, party_id: PartyId, body: AttendanceRequest, db: Db, caller: CurrentCaller, now: Now
) -> RosterEntryAnswer:
    """Record the attendance of a party. Only parties that attended are licensed."""
    entry = rosters.record_attendance(db, caller, session_id, party_id, body.attendance, now)
    return RosterEntryAnswer.of(entry)


@router.delete(
    "/{session_id}/roster/{party_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[allow(rosters.remove_from_roster)],
)
def remove_from_roster(session_id: uuid.UUID, party_id: PartyId, db: Db, caller: CurrentCaller, now: Now) -> None:
    """Remove a party from the roster. 404 if it is not on it."""
    rosters.remove_from_roster(db, caller, session_id, party_id, now)
