"""Looks up everything that a batch of deliveries is about. Each table is read once, whatever the size of the batch."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from shared import access, events
from shared.arrays import is_one_of
from shared.assignments import Assignment
from shared.catalogue import TITLE, Course, CourseVersion
from shared.database import current_org
from shared.deliveries import Channel, Claimed, Delivery, DeliveryCode, DeliveryState
from shared.directory import Party
from shared.events import Event
from shared.jobs import Job
from shared.licences import Licence
from shared.sessions import RosterEntry, TrainingSession
from shared.settings import Settings
from worker.notices import assignments, licences, sessions
from worker.notices.situation import Named, Situation, Told, id_of_subject

_KINDS = (*assignments.KINDS, *sessions.KINDS, *licences.KINDS)
_LOOKING_BACK = frozenset(kind.type for kind in _KINDS if kind.looks_back)


def look(db: Session, claimed: Collection[Claimed], settings: Settings, now: datetime) -> Situation:
    """Look up what these deliveries are about, in a fixed number of statements."""
    receivers = list({one.receiver for one in claimed})
    found = {event.sequence: event for event in _events(db, [one.sequence for one in claimed])}
    subjects: dict[str, list[uuid.UUID]] = {"assignment": [], "session": [], "licence": []}
    for event in found.values():
        subjects[event.subject.partition("/")[0]].append(id_of_subject(event))
    assigned = _named(db, Assignment, subjects["assignment"])
    return Situation(
        organization=access.get_organization(db),
        settings=settings,
        now=now,
        events=found,
        parties={party.id: party for party in _rows(db, Party, Party.id, receivers)},
        unwanted=_unwanted(db, {one.job_id for one in claimed if one.job_id}),
        assignments=assigned,
        replaced_for=_replaced_for(db, [found.row for found in assigned.values()]),
        sessions=_named(db, TrainingSession, subjects["session"]),
        rosters=_rosters(db, subjects["session"], receivers),
        told=_told(db, claimed, found, now),
        licences=_named(db, Licence, subjects["licence"]),
        mails_today=_mails_today(db, receivers, now),
    )


def _events(db: Session, sequences: Collection[int]) -> Iterable[Event]:
    """Plain tuples with the columns of Event: its objects would take twice the time."""
    return cast(Iterable[Event], events.recorded(db, is_one_of(Event.sequence, sequences)))


def _rows(db: Session, model: Any, key: Any, keys: Collection[Any]) -> Sequence[Any]:
    """Bare rows instead of the model's objects, which would take longer to make than their mails."""
    return db.execute(select(model.__table__).where(model.org_id == current_org(db), is_one_of(key, keys))).all()


def _named(db: Session, model: Any, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Named]:
    if not ids:
        return {}
    rows = db.execute(
        select(model.__table__, TITLE.label("named"), CourseVersion.label.label("labelled"))
        .join(Course, and_(Course.org_id == model.org_id, Course.id == model.course_id))
        .join(CourseVersion, and_(CourseVersion.org_id == model.org_id, CourseVersion.id == model.course_version_id))
        .where(model.org_id == current_org(db), is_one_of(model.id, ids))
    )
    return {row.id: Named(row, row.named, row.labelled) for row in rows}


def _replaced_for(db: Session, rows: Iterable[Any]) -> dict[uuid.UUID, str]:
    """The party that has the assignment made instead of each reassigned one."""
    instead = {row.id: row.reassigned_to for row in rows if row.reassigned_to is not None}
    if not instead:
        return {}
    made = select(Assignment.id, Assignment.party_id).where(
        Assignment.org_id == current_org(db), is_one_of(Assignment.id, instead.values())
    )
    parties = dict(db.execute(made).tuples().all())
    return {one: parties[other] for one, other in instead.items() if other in parties}


def _unwanted(db: Session, job_ids: Collection[uuid.UUID]) -> Collection[uuid.UUID]:
    """The jobs that were requested with `notify` false."""
    if not job_ids:
        return ()
    quiet = Job.request["notify"].as_boolean().is_(False)
    return set(db.scalars(select(Job.id).where(Job.org_id == current_org(db), is_one_of(Job.id, job_ids), quiet)))


def _rosters(
    db: Session, session_ids: Collection[uuid.UUID], receivers: Collection[str]
) -> Collection[tuple[uuid.UUID, str]]:
    """The receivers on the rosters of these sessions: (session id, party id)."""
    if not session_ids:
        return ()
    entries = select(RosterEntry.session_id, RosterEntry.party_id).where(
        RosterEntry.org_id == current_org(db),
        is_one_of(RosterEntry.session_id, session_ids),
        is_one_of(RosterEntry.party_id, receivers),
        RosterEntry.removed_at.is_(None),
    )
    return {(row.session_id, row.party_id) for row in db.execute(entries)}


def _told(
    db: Session, claimed: Collection[Claimed], found: Mapping[int, Event], now: datetime
) -> Mapping[tuple[str, str], Sequence[Told]]:
    """The earlier mails to the receivers about the subjects of those mails that look back.

    A mail that another process is sending now, or whose connection was lost after it was handed over, counts as sent:
    the party may have it. Two statements with arrays, because a join would need statistics of the organization.
    """
    asked = [one for one in claimed if one.event_type in _LOOKING_BACK]
    if not asked:
        return {}
    nouns = {one.event_type.partition(".")[0] for one in asked}
    types = [kind.type for kind in _KINDS if kind.type.partition(".")[0] in nouns]
    perhaps = or_(Delivery.leased_until > now, Delivery.code == DeliveryCode.IN_DOUBT)
    mails = select(Delivery.id, Delivery.receiver, Delivery.sequence).where(
        Delivery.org_id == current_org(db),
        Delivery.channel == Channel.EMAIL,
        is_one_of(Delivery.receiver, {one.receiver for one in asked}),
        is_one_of(Delivery.event_type, types),
        or_(Delivery.state == DeliveryState.SENT, and_(Delivery.state == DeliveryState.QUEUED, perhaps)),
    )
    mine = {one.id for one in claimed}
    receivers: dict[int, list[str]] = defaultdict(list)
    for row in db.execute(mails):
        if row.id not in mine:
            receivers[row.sequence].append(row.receiver)
    subjects = {found[one.sequence].subject for one in asked}
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for event in events.recorded(db, is_one_of(Event.sequence, receivers), is_one_of(Event.subject, subjects)):
        for receiver in receivers[event.sequence]:
            told[event.subject, receiver].append(Told(event.sequence, event.type, event.recorded_at, event.data))
    return told


def _mails_today(db: Session, receivers: Collection[str], now: datetime) -> Counter[str]:
    """How many mails each party got within 24 hours. Deliveries of one job settled at one instant were one mail."""
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
