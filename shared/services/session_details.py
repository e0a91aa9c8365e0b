"""A session as people read it: its roster, what completing it would grant, and what can be done with it now."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import access, catalogue, directory, jobs, licences
from shared.access import Caller, Permission
from shared.catalogue import Course
from shared.directory import Party
from shared.events import Filters as OfEvents
from shared.licences import PolicyRequest, Simulated, Trained
from shared.pagination import count, page
from shared.services.jobs import undo_job
from shared.services.naming import History, read_history
from shared.services.rosters import list_roster
from shared.services.sessions import SEES, Shown, get_session
from shared.services.verbs import verb
from shared.sessions import Attendance, RosterEntry, RosterEntryAnswer, SessionAnswer, SessionState

MOST_ON_ROSTER, MOST_EVENTS, MOST_NAMED, MOST_FOUND = 50, 20, 50, 20
"""Parties and events that the page of a session shows, parties that are named as not attending, and those that a search
for people to add offers."""


@dataclass(frozen=True)
class SessionDetails:
    """A session. roster: its first parties. more: True if there are others.

    can_change: it is scheduled, so that it and its roster change. can_complete: besides, it has begun and somebody is
    on the roster. can_amend: its completion has ended, or is being carried out. can_undo: it can be
    taken back.
    """

    session: SessionAnswer
    revision: int
    roster: list[RosterEntryAnswer]
    more: bool
    history: History
    can_change: bool
    can_complete: bool
    can_amend: bool
    can_undo: bool


@verb(*SEES)
def get_session_details(db: Session, caller: Caller, session_id: uuid.UUID, now: datetime) -> SessionDetails:
    """Return one session with everything that its page shows. Raises NotFound."""
    row = get_session(db, caller, session_id)
    session = SessionAnswer.of(row)
    first = page(db, list_roster(db, caller, session_id), limit=MOST_ON_ROSTER, cursor=None)
    scheduled = session.state is SessionState.SCHEDULED
    actors = [session.scheduled_by, *([session.completion.by] if session.completion else [])]
    named = [f"{one.type}/{one.id}" for one in actors]
    done = session.completion if session.state is SessionState.COMPLETED else None
    return SessionDetails(
        session=session,
        revision=row[0].revision,
        roster=[RosterEntryAnswer.of(entry) for entry in first.items],
        more=first.next_cursor is not None,
        history=read_history(db, caller, OfEvents(subject=f"session/{session_id}"), MOST_EVENTS, named),
        can_change=scheduled,
        can_complete=scheduled and session.starts_at <= now and session.roster_size > 0,
        can_amend=session.state is SessionState.COMPLETED,
        can_undo=done is not None and undo_job.may(caller) and now < done.completed_at + jobs.UNDO_WITHIN,
    )


class Door(NamedTuple):
    """A page of a roster, for recording who is there."""

    session: SessionAnswer
    entries: list[RosterEntryAnswer]
    next_cursor: str | None
    previous_cursor: str | None


@verb(Permission.ADMIN)
def get_door(db: Session, caller: Caller, session_id: uuid.UUID, cursor: str | None, limit: int, q: str = "") -> Door:
    """Return a page of a session's roster. q: the beginning of a name or an id, or empty. Raises NotFound."""
    session = SessionAnswer.of(get_session(db, caller, session_id))
    rows = list_roster(db, caller, session_id)
    if q:
        named = directory.list_parties(db, caller.folders, q=q).order_by(None).with_only_columns(Party.id)
        rows = rows.where(RosterEntry.party_id.in_(named))
    found = page(db, rows, limit=limit, cursor=cursor, both_ways=True)
    entries = [RosterEntryAnswer.of(row) for row in found.items]
    return Door(session, entries, found.next_cursor, found.previous_cursor)


@dataclass(frozen=True)
class Completion:
    """The result that completing a session would have now.

    attending: parties that would be licensed, or only completed. unrecorded: of them, those without a recorded
    attendance. missing: the first parties that are recorded as not attending. licence: of a party that holds none yet,
    None if the course grants none.
    """

    details: SessionDetails
    attending: int
    unrecorded: int
    absent: int
    missing: list[RosterEntryAnswer]
    licence: Simulated | None


@verb(Permission.ADMIN)
def preview_completion(db: Session, caller: Caller, session_id: uuid.UUID, now: datetime) -> Completion:
    """Return what completing a session would grant, and to whom not. Writes nothing. Raises NotFound."""
    details = get_session_details(db, caller, session_id, now)
    rows = list_roster(db, caller, session_id).where(RosterEntry.attendance != Attendance.ATTENDED)
    named = page(db, rows, limit=MOST_NAMED, cursor=None).items
    session = details.session
    absent = count(db, rows, most=session.roster_size)[0]
    course = catalogue.get_course(db, session.course_id)[0]
    return Completion(
        details=details,
        attending=session.roster_size - absent,
        unrecorded=session.unrecorded,
        absent=absent,
        missing=[RosterEntryAnswer.of(row) for row in named],
        licence=_licence(db, course, session, now),
    )


def _licence(db: Session, course: Course, session: SessionAnswer, now: datetime) -> Simulated | None:
    if course.licence_months is None:
        return None
    zone = access.get_organization(db).time_zone
    names = PolicyRequest.model_fields
    policy = PolicyRequest.model_validate({name: getattr(course, name) for name in names})
    return licences.simulate(db, policy, [Trained(now, session.ends_at, None)], zone)[0]


class Choices(NamedTuple):
    """The choices of the forms of sessions: published courses and folders, as pairs of id and name."""

    courses: list[tuple[str, str]]
    folders: list[tuple[str, str]]


@verb(Permission.ADMIN)
def session_choices(db: Session, caller: Caller) -> Choices:
    """Return the choices for scheduling a session, and for its roster."""
    found = db.execute(select(catalogue.as_choices(db, published=True), directory.as_choices(db, caller.folders))).one()
    return Choices(found[0] or [], found[1] or [])


class Adding(NamedTuple):
    """A session with what the form that adds parties offers: folders, and the parties that were searched for."""

    session: SessionAnswer
    folders: list[tuple[str, str]]
    found: list[Party]


@verb(Permission.ADMIN)
def get_adding(db: Session, caller: Caller, session_id: uuid.UUID, q: str) -> Adding:
    """Return what the form that adds parties shows. q: the beginning of a name or an id, or empty. Raises NotFound."""
    session = SessionAnswer.of(get_session(db, caller, session_id))
    found = []
    if q:
        rows = directory.list_parties(db, caller.folders, active=True, q=q)
        found = [row[0] for row in page(db, rows, limit=MOST_FOUND, cursor=None).items]
    return Adding(session, session_choices(db, caller).folders, found)


@verb(Permission.ADMIN)
def get_session_to_change(db: Session, caller: Caller, session_id: uuid.UUID) -> Shown:
    """Return one session, for the form that changes it. Raises NotFound."""
    return get_session(db, caller, session_id)


@verb(Permission.ADMIN)
def get_amendment(db: Session, caller: Caller, session_id: uuid.UUID, now: datetime) -> SessionDetails:
    """Return one session, for the form that amends it. Raises NotFound."""
    return get_session_details(db, caller, session_id, now)
