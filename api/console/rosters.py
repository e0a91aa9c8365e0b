"""The roster of a session: the list, adding and removing parties, and the door, where attendance is one tap."""

import uuid
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from api.console.columns import Column
from api.console.editing import pasted_ids
from api.console.forms import CurrentForm, Form
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.console.listing import ListPage, list_page
from api.http.dependencies import CurrentCaller, Cursor, Db, Now, allow
from api.http.lists import AskedList
from shared.database import ID_PATTERN
from shared.services import rosters, session_details
from shared.sessions import AttendanceRequest, Refusal, RosterEntryAnswer, RosterRequest
from shared.texts import N_

router = ConsoleRouter("/sessions/{session_id}")

Search = Annotated[str, Query(max_length=200)]
PartyId = Annotated[str, Path(pattern=ID_PATTERN)]

ATTENDANCES = {"attended": N_("Attended"), "absent": N_("Absent"), "excused": N_("Excused")}

PAGE = ListPage(
    title=N_("Roster"),
    template="roster.html",
    address="",
    model=RosterEntryAnswer,
    columns=(
        Column("name", N_("Name")),
        Column("id", N_("Id")),
        Column("attendance", N_("Attendance")),
        Column("outcome", N_("Outcome"), "wide"),
    ),
)

MOST_AT_THE_DOOR = 100
"""Parties on one screen of the door."""


@router.list_of("/roster", rosters.list_roster)
def show_list(request: Request, session_id: uuid.UUID, frame: CurrentFrame, asked: AskedList) -> Response:
    """The whole roster, or all of it as a file."""
    rows = rosters.list_roster(asked.db, asked.caller, session_id)
    page = replace(PAGE, address=f"/sessions/{session_id}/roster")
    return list_page(frame, request, asked, page, rows, RosterEntryAnswer.of, session_id=session_id)


@router.get("/add", dependencies=[allow(session_details.get_adding)])
def show_adding(
    session_id: uuid.UUID,
    frame: CurrentFrame,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    q: Search = "",
) -> Response:
    """The form that adds parties: by folder, by id, or those that a search has found."""
    offered = session_details.get_adding(db, caller, session_id, q.strip())
    return _adding_page(frame, form, offered, q)


@router.post("/add", dependencies=[allow(rosters.add_to_roster)])
def add(
    session_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Add parties. Those who were refused are shown, each with the reason."""
    ids = pasted_ids(form, "recipients") + form.several("found")
    recipients = [{"entityType": "party", "entityId": one} for one in ids]
    body = form.read(RosterRequest, lists=["folderIds"], recipients=recipients)
    done = rosters.add_to_roster(db, caller, session_id, body, now)
    if not done.refused:
        return RedirectResponse(f"/sessions/{session_id}", 303)
    refused = [Refusal.of(*refusal) for refusal in done.refused]
    left = Form({"recipients": ["\n".join(one.entity_id for one in refused)]})
    offered = session_details.get_adding(db, caller, session_id, "")
    return _adding_page(frame, left, offered, "", done=done, refused=refused)


def _adding_page(frame: Frame, form: Form, offered: session_details.Adding, q: str, **shown: Any) -> Response:
    known: dict[str, Any] = {"done": None, "refused": [], "q": q} | offered._asdict() | shown
    return frame.page("roster_add.html", form=form, **known)


@router.post(
    "/roster/{party_id}/remove", dependencies=[allow(rosters.remove_from_roster), form_of("/sessions/{session_id}")]
)
def remove(
    session_id: uuid.UUID, party_id: PartyId, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Take a party off the roster."""
    rosters.remove_from_roster(db, caller, session_id, party_id, now)
    return RedirectResponse(f"/sessions/{session_id}#roster", 303)


@router.get("/door", dependencies=[allow(session_details.get_door)])
def show_door(
    session_id: uuid.UUID,
    frame: CurrentFrame,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    cursor: Cursor = None,
    q: Search = "",
) -> Response:
    """The door: each party with what can be recorded of it."""
    found = session_details.get_door(db, caller, session_id, cursor, MOST_AT_THE_DOOR, q.strip())
    shown: dict[str, Any] = {"cursor": cursor, "q": q.strip(), "texts": ATTENDANCES}
    return frame.page("door.html", found=found, session=found.session, form=form, **shown)


@router.post(
    "/door/{party_id}", dependencies=[allow(rosters.record_attendance), form_of("/sessions/{session_id}/door")]
)
def record(
    session_id: uuid.UUID, party_id: PartyId, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Record the attendance of a party, and lead back to its place at the door."""
    attendance = form.read(AttendanceRequest).attendance
    rosters.record_attendance(db, caller, session_id, party_id, attendance, now)
    shown = {name: form.text(name) for name in ("q", "cursor") if form.text(name)}
    page = f"?{urlencode(shown)}" if shown else ""
    return RedirectResponse(f"/sessions/{session_id}/door{page}#at-{quote(party_id)}", 303)
