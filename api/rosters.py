"""Rosters at the front desk: who is expected at a session, whether they came, and afterwards what it brought them."""

import uuid
from typing import Annotated, Any

from fastapi import Path, Request, status

from api.assignments import check_folders
from api.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentService, Cursor, Db, Limit, Now, allow
from api.exports import csv_of, wants_csv
from api.routing import Router
from shared import licences, sessions
from shared.access import Permission
from shared.database import ID_PATTERN
from shared.pagination import page
from shared.sessions import AttendanceRequest, Refusal, RosterAnswer, RosterEntryAnswer, RosterRequest
from shared.wire import Listing

router = Router("/v1/sessions", "sessions")

READS = allow(Permission.VIEW, Permission.ADMIN)
WRITES = allow(Permission.ADMIN)

PartyId = Annotated[str, Path(pattern=ID_PATTERN)]

RosterListing = Listing[RosterEntryAnswer]


@router.post("/{session_id}/roster", dependencies=[WRITES])
def add(session_id: uuid.UUID, body: RosterRequest, db: Db, caller: CurrentCaller, now: Now) -> RosterAnswer:
    """Put parties on the roster, those named first, as long as there is room. Whoever does not get on is named."""
    sessions.get(db, session_id, caller.folders)
    check_folders(db, body.folder_ids, caller)
    done = sessions.add(
        db,
        session_id,
        party_ids=[recipient.entity_id for recipient in body.recipients],
        folder_ids=body.folder_ids,
        scope=caller.folders,
        actor=caller.actor,
        now=now,
    )
    refused = [Refusal.of(*refusal) for refusal in done.refused]
    return RosterAnswer(added=done.added, already_there=done.already_there, refused=refused)


@router.get("/{session_id}/roster", dependencies=[READS])
def read(
    session_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    service: CurrentService,
    request: Request,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """The roster in the caller's scope, by party; once completed, with what became of each. `Accept: text/csv` too."""
    session = sessions.get(db, session_id, caller.folders)[0]
    rows = sessions.roster(db, session, licences.of_session(session_id), caller.folders)
    if wants_csv(request):
        return csv_of(RosterEntryAnswer, RosterEntryAnswer.of, rows, service, caller, name=f"roster-{session_id}")
    found = page(db, rows, limit=limit, cursor=cursor)
    return RosterListing(items=[RosterEntryAnswer.of(row) for row in found.items], next_cursor=found.next_cursor)


@router.put("/{session_id}/roster/{party_id}", dependencies=[WRITES])
def attend(
    session_id: uuid.UUID, party_id: PartyId, body: AttendanceRequest, db: Db, caller: CurrentCaller, now: Now
) -> RosterEntryAnswer:
    """Say whether a party was there: only the attended are licensed."""
    scope = caller.folders
    sessions.attend(db, session_id, party_id, body.attendance, scope=scope, actor=caller.actor, now=now)
    session = sessions.get(db, session_id, scope)[0]
    rows = sessions.roster(db, session, licences.of_session(session_id), scope)
    return RosterEntryAnswer.of(db.execute(rows.where(sessions.RosterEntry.party_id == party_id)).one())


@router.delete("/{session_id}/roster/{party_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[WRITES])
def remove(session_id: uuid.UUID, party_id: PartyId, db: Db, caller: CurrentCaller, now: Now) -> None:
    """Take a party off the roster. 404 when it is not there."""
    sessions.remove(db, session_id, party_id, scope=caller.folders, actor=caller.actor, now=now)
