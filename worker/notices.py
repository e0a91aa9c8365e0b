"""What a mail would tell, looked up just before it is sent: whether it is still true, and the facts to tell it with.

Here deliveries meet the nouns they are about. Whatever the number of deliveries, each table is read once.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, and_, case, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from shared import access, clock, deliveries, sessions
from shared.arrays import is_one_of
from shared.assignments import Assignment, AssignmentState, LinksNotConfigured, SessionLinks
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.deliveries import Addressees, Channel, Claimed, Columns, Delivery, DeliveryCode, DeliveryState, Notice
from shared.directory import Party
from shared.events import Event
from shared.jobs import Job
from shared.licences import Licence
from shared.sessions import RosterEntry, SessionState, TrainingSession
from shared.settings import ASSIGNMENT_ID, Settings

STALE_AFTER = timedelta(days=7)
"""An event that old is told to nobody: there was no mail then, or training was not available."""

TIMELY = {
    "assignment.due_soon": timedelta(days=2),
    "assignment.overdue": timedelta(days=2),
    "licence.expiring": timedelta(days=2),
    "licence.expired": timedelta(days=2),
}
"""What is told of a certain day, and how long after that day it still is."""


CANCELS = ("session.cancelled", "session.roster_removed")
"""What takes an invitation back."""


class Irrelevant(Exception):
    """It is not told after all."""

    def __init__(self, code: DeliveryCode) -> None:
        super().__init__(code)
        self.code = code


def the_roster(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Everybody on the roster of the session that the event is about."""
    session_id = case((Event.subject.like("session/%"), cast(func.substr(Event.subject, len("session/") + 1), Uuid)))
    of_session = and_(RosterEntry.org_id == Event.org_id, RosterEntry.session_id == session_id)
    return select(*columns(RosterEntry.party_id)).join_from(Event, RosterEntry, of_session).where(meant)


def the_roster_of_a_move(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """The same, where what has changed is when or where."""
    named = array(["startsAt", "endsAt", "timeZone", "mode", "location", "joinUrl"])
    return the_roster(columns, and_(meant, Event.data["changed"].has_any(cast(named, ARRAY(Text)))))


MAILED: dict[str, Addressees] = {
    "assignment.created": deliveries.the_party,
    "assignment.due_soon": deliveries.the_party,
    "assignment.overdue": deliveries.the_party,
    "session.roster_added": deliveries.the_party,
    "session.roster_removed": deliveries.the_party,
    "session.changed": the_roster_of_a_move,
    "session.cancelled": the_roster,
    "licence.granted": deliveries.the_party,
    "licence.expiring": deliveries.the_party,
    "licence.expired": deliveries.the_party,
    "licence.revoked": deliveries.the_party,
}
"""The event types that are told by mail, each with whom to write to."""


@dataclass(frozen=True)
class Named:
    """A row, with its course's title and its version's label."""

    row: Any
    title: str
    label: str

    @cached_property
    def calendar(self) -> bytes:
        """A session's calendar file: one for everybody on its roster."""
        return sessions.calendar(self.row, self.title, self.label)


@dataclass
class Situation:
    """How things are with everything that some deliveries of one organization are about."""

    organization: access.Organization
    settings: Settings
    now: datetime
    events: Mapping[int, Event]
    parties: Mapping[str, Party]
    unwanted: Collection[uuid.UUID]
    assignments: Mapping[uuid.UUID, Named]
    sessions: Mapping[uuid.UUID, Named]
    rosters: Collection[tuple[uuid.UUID, str]]
    invited: Collection[tuple[str, str]]
    licences: Mapping[uuid.UUID, Named]
    mails_today: Counter[str] = field(default_factory=Counter)

    @cached_property
    def today(self) -> date:
        """The organization's day."""
        return clock.day_in(self.organization.time_zone, self.now)

    @cached_property
    def links(self) -> SessionLinks:
        """What mints the links of parties without an account."""
        return SessionLinks(self.settings)

    def notice(self, claimed: Claimed) -> Notice:
        """What one delivery tells, as things are now. Raises Irrelevant."""
        event, party = self.events[claimed.sequence], self.parties.get(claimed.receiver)
        if party is None or party.erased_at is not None:
            raise Irrelevant(DeliveryCode.PARTY_ERASED)
        if not party.active:
            raise Irrelevant(DeliveryCode.PARTY_INACTIVE)
        if not party.email:
            raise Irrelevant(DeliveryCode.NO_ADDRESS)
        if self.now - event.recorded_at > TIMELY.get(event.type, STALE_AFTER):
            raise Irrelevant(DeliveryCode.STALE)
        return _TELLS[event.type.partition(".")[0]](self, event, party)


def look(db: Session, claimed: Collection[Claimed], settings: Settings, now: datetime) -> Situation:
    """Look everything up that these deliveries are about, in a fixed number of statements."""
    org_id = current_org(db)
    sequences, receivers = [one.sequence for one in claimed], list({one.receiver for one in claimed})
    events = {event.sequence: event for event in _rows(db, Event, Event.sequence, sequences)}
    subjects: dict[str, list[uuid.UUID]] = {"assignment": [], "session": [], "licence": []}
    for event in events.values():
        subjects[event.subject.partition("/")[0]].append(_id(event))
    jobs = list({one.job_id for one in claimed if one.event_type == "assignment.created" and one.job_id})
    quiet = select(Job.id).where(
        Job.org_id == org_id, is_one_of(Job.id, jobs), Job.request["notify"].as_boolean().is_(False)
    )
    roster = select(RosterEntry.session_id, RosterEntry.party_id).where(
        RosterEntry.org_id == org_id,
        is_one_of(RosterEntry.session_id, subjects["session"]),
        is_one_of(RosterEntry.party_id, receivers),
        RosterEntry.removed_at.is_(None),
    )
    return Situation(
        organization=access.organization(db),
        settings=settings,
        now=now,
        events=events,
        parties={party.id: party for party in _rows(db, Party, Party.id, receivers)},
        unwanted=set(db.scalars(quiet)) if jobs else (),
        assignments=_named(db, Assignment, subjects["assignment"]),
        sessions=_named(db, TrainingSession, subjects["session"]),
        rosters={(row.session_id, row.party_id) for row in db.execute(roster)} if subjects["session"] else (),
        invited=_invited(db, events.values(), receivers),
        licences=_named(db, Licence, subjects["licence"]),
        mails_today=_mails_today(db, receivers, now),
    )


def _rows(db: Session, model: Any, key: Any, keys: Collection[Any]) -> Sequence[Any]:
    """Bare rows in place of the model's objects, which would take longer to make than their mails."""
    return db.execute(select(model.__table__).where(model.org_id == current_org(db), is_one_of(key, keys))).all()


def _named(db: Session, model: Any, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Named]:
    if not ids:
        return {}
    rows = db.execute(
        select(model.__table__, Course.title.label("named"), CourseVersion.label.label("labelled"))
        .join(Course, and_(Course.org_id == model.org_id, Course.id == model.course_id))
        .join(CourseVersion, and_(CourseVersion.org_id == model.org_id, CourseVersion.id == model.course_version_id))
        .where(model.org_id == current_org(db), is_one_of(model.id, ids))
    )
    return {row.id: Named(row, row.named, row.labelled) for row in rows}


def _invited(db: Session, events: Collection[Event], receivers: Collection[str]) -> Collection[tuple[str, str]]:
    """Who was told of the sessions that they need not come to: subjects and parties."""
    subjects = [event.subject for event in events if event.type in CANCELS]
    if not subjects:
        return ()
    of_event = and_(Event.org_id == Delivery.org_id, Event.sequence == Delivery.sequence)
    told = select(Event.subject, Delivery.receiver).join_from(Delivery, Event, of_event)
    return {
        (row.subject, row.receiver)
        for row in db.execute(
            told.where(
                Delivery.org_id == current_org(db),
                Delivery.channel == Channel.EMAIL,
                is_one_of(Delivery.receiver, receivers),
                Delivery.state == DeliveryState.SENT,
                is_one_of(Event.subject, subjects),
                Event.type.not_in(CANCELS),
            )
        )
    }


def _mails_today(db: Session, receivers: Collection[str], now: datetime) -> Counter[str]:
    """How many mails each party got within 24 hours. What was settled of one job at one instant was one mail."""
    sent = func.count(tuple_(Delivery.settled_at, Delivery.job_id).distinct()).filter(
        Delivery.state == DeliveryState.SENT
    )
    of_receivers = (
        select(Delivery.receiver, sent)
        .where(
            Delivery.org_id == current_org(db),
            Delivery.channel == Channel.EMAIL,
            is_one_of(Delivery.receiver, receivers),
            Delivery.settled_at > now - timedelta(days=1),
        )
        .group_by(Delivery.receiver)
    )
    return Counter(dict(db.execute(of_receivers).tuples().all()))


def _assignment(at: Situation, event: Event, party: Party) -> Notice:
    found = at.assignments[_id(event)]
    assignment: Assignment = found.row
    if assignment.state == AssignmentState.COMPLETED:
        raise Irrelevant(DeliveryCode.ASSIGNMENT_COMPLETED)
    if assignment.state == AssignmentState.CLOSED:
        reassigned = assignment.reassigned_to is not None
        raise Irrelevant(DeliveryCode.ASSIGNMENT_REASSIGNED if reassigned else DeliveryCode.ASSIGNMENT_CLOSED)
    made = event.type == "assignment.created"
    if made and assignment.job_id in at.unwanted:
        raise Irrelevant(DeliveryCode.NOT_WANTED)
    days = None if assignment.due_on is None else (assignment.due_on - at.today).days
    if not made:
        if days is None or event.data["dueOn"] != str(assignment.due_on):
            raise Irrelevant(DeliveryCode.DUE_DATE_CHANGED)
        if event.type == "assignment.due_soon" and days < 0:
            raise Irrelevant(DeliveryCode.STALE)
    return Notice(
        event.type,
        found.title,
        found.label,
        link=_link(at, assignment, party),
        personal=party.member_id is None,
        reason=assignment.reason,
        due_on=assignment.due_on,
        days=days,
    )


def _link(at: Situation, assignment: Assignment, party: Party) -> str | None:
    """What opens the training: for a party without an account a session link, for a member the product's page."""
    if party.member_id is not None:
        page = at.settings.member_url
        return None if page is None else page.replace(ASSIGNMENT_ID, str(assignment.id))
    try:
        return at.links.mint(assignment, at.now).url
    except LinksNotConfigured:
        return None


def _session(at: Situation, event: Event, party: Party) -> Notice:
    found = at.sessions[_id(event)]
    session: TrainingSession = found.row
    expected, off = (session.id, party.id) in at.rosters, event.type == "session.roster_removed"
    cancels = event.type in CANCELS
    if session.ends_at <= at.now or session.state in (SessionState.COMPLETING, SessionState.COMPLETED):
        raise Irrelevant(DeliveryCode.SESSION_OVER)
    if session.state == SessionState.CANCELLED and event.type != "session.cancelled":
        raise Irrelevant(DeliveryCode.SESSION_CANCELLED)
    if expected is off:
        raise Irrelevant(DeliveryCode.ON_ROSTER_AGAIN if off else DeliveryCode.NOT_ON_ROSTER)
    if cancels and (event.subject, party.id) not in at.invited:
        raise Irrelevant(DeliveryCode.NEVER_TOLD)
    return Notice(
        event.type,
        found.title,
        found.label,
        link=None if cancels else session.join_url,
        reason=session.cancellation_reason,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        location=session.location,
        join_url=None if cancels else session.join_url,
        calendar=found.calendar,
        cancels=cancels,
    )


def _licence(at: Situation, event: Event, _: Party) -> Notice:
    found = at.licences[_id(event)]
    licence: Licence = found.row
    days = (clock.day_in(at.organization.time_zone, licence.expires_at) - at.today).days
    if event.type != "licence.revoked":
        if licence.revoked_at is not None:
            raise Irrelevant(DeliveryCode.LICENCE_REVOKED)
        if licence.superseded_at is not None:
            raise Irrelevant(DeliveryCode.LICENCE_SUPERSEDED)
        _check_end(at, event, licence)
    return Notice(
        event.type,
        found.title,
        found.label,
        link=f"{at.settings.public_url}/verify/{licence.code}",
        reason=licence.revocation_reason,
        days=days,
        granted_at=licence.granted_at,
        expires_at=licence.expires_at,
        code=licence.code,
    )


def _check_end(at: Situation, event: Event, licence: Licence) -> None:
    """Raise Irrelevant unless what the event says of the licence's end still stands."""
    if event.type != "licence.expired" and licence.expires_at <= at.now:
        raise Irrelevant(DeliveryCode.LICENCE_EXPIRED)
    if event.type == "licence.granted":
        return
    end = datetime.fromisoformat(event.data["expiresAt"])
    if end != licence.expires_at:
        raise Irrelevant(DeliveryCode.LICENCE_CHANGED)
    told_of = end - timedelta(days=event.data.get("daysBefore", 0))
    if at.now - told_of > TIMELY[event.type]:
        raise Irrelevant(DeliveryCode.STALE)


_TELLS: dict[str, Callable[[Situation, Event, Party], Notice]] = {
    "assignment": _assignment,
    "session": _session,
    "licence": _licence,
}


def _id(event: Event) -> uuid.UUID:
    return uuid.UUID(event.subject.partition("/")[2])
