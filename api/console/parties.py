"""People: the list, which the search of every page leads to, and everything about one person on a page."""

import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from api.console.columns import Column
from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.history import told
from api.console.listing import Choice, Filter, ListPage, list_page
from api.http.dependencies import CurrentCaller, Db, Now, Today, allow
from api.http.filtering import PartyFilters
from api.http.lists import AskedList
from shared.access import Caller
from shared.assignments import AssignmentAnswer
from shared.database import ID_PATTERN
from shared.deliveries import DeliveryAnswer
from shared.directory import PartyAnswer
from shared.licences import LicenceAnswer
from shared.pagination import page
from shared.services import catalogue, directory, organizations, overview, party_details
from shared.sessions import SessionAnswer
from shared.texts import N_

router = ConsoleRouter()

MOST_COURSES = 100
"""Courses that a search looks through for one with this very code."""

PAGE = ListPage(
    title=N_("People"),
    template="parties.html",
    address="/parties",
    model=PartyAnswer,
    columns=(
        Column("name", N_("Name")),
        Column("id", N_("Id")),
        Column("email", N_("Mail address"), "wide", usual=False),
        Column("folders", N_("Folders"), "wide"),
        Column("changed", N_("Changed"), "wide", zoned=True, usual=False),
        Column("state", N_("State")),
    ),
    filters=(
        Filter("q", N_("Name or id"), "text"),
        Filter("folderId", N_("Folder"), "choice", offered=0),
        Filter("active", N_("Active"), "choice", (Choice("true", N_("Active")), Choice("false", N_("Inactive")))),
    ),
)


@router.list_of("/parties", directory.list_parties)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList, filters: PartyFilters) -> Response:
    """The list, or all of it as a file."""
    rows = directory.list_parties(asked.db, asked.caller, **filters._asdict())
    offered = overview.folder_choices(asked.db, asked.caller)
    return list_page(frame, request, asked, PAGE, rows, lambda row: PartyAnswer.of(*row), offered)


@router.get("/parties/{party_id}", dependencies=[allow(party_details.get_party_details)])
def show(
    party_id: Annotated[str, Path(pattern=ID_PATTERN)],
    frame: CurrentFrame,
    db: Db,
    caller: CurrentCaller,
    today: Today,
    now: Now,
) -> Response:
    """One person."""
    found = party_details.get_party_details(db, caller, party_id, now)

    def rows(part: party_details.Part | None) -> list[Any]:
        return part.rows if part else []

    return frame.page(
        "party.html",
        found=found,
        party=found.party,
        assignments=[(AssignmentAnswer.of(row, today), row.course_title) for row in rows(found.assignments)],
        licences=[(LicenceAnswer.of(row, now), row.course_title) for row in rows(found.licences)],
        sessions=[(SessionAnswer.of(row), row.attendance) for row in rows(found.sessions)],
        deliveries=[DeliveryAnswer.of(*row) for row in rows(found.deliveries)],
        history=told(found.history, frame.words),
    )


@router.get("/search", dependencies=[allow(organizations.get_organization)])
def search(db: Db, caller: CurrentCaller, q: Annotated[str, Query()] = "") -> Response:
    """Lead to what is found: a job by its id, a course by its code, else the people or the courses that match."""
    organizations.get_organization(db, caller)
    text = q.strip()
    try:
        return RedirectResponse(f"/jobs/{uuid.UUID(text)}", 303)
    except ValueError:
        return RedirectResponse(_found(db, caller, text), 303)


def _found(db: Session, caller: Caller, text: str) -> str:
    """Return the address of what a text finds. People come first, unless only courses match."""
    courses = []
    if text and catalogue.list_courses.may(caller):
        matching = catalogue.list_courses(db, caller, archived=False, q=text)
        courses = [course for course, _ in page(db, matching, limit=MOST_COURSES, cursor=None).items]
    for course in courses:
        if course.code.casefold() == text.casefold():
            return f"/courses/{course.id}"
    query = f"?{urlencode({'q': text})}"
    if not directory.list_parties.may(caller):
        return f"/courses{query}"
    people = directory.list_parties(db, caller, folder_id=None, active=None, q=text) if courses else None
    somebody = people is None or page(db, people, limit=1, cursor=None).items
    return f"/parties{query}" if somebody else f"/courses{query}"
