"""The facts of a pack about its people: licences on the day and as they are known now, completions, and their events.

Set-based: the same statements for any number of people.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from shared import clock, events, licences
from shared.arrays import is_one_of
from shared.assignments import Assignment, AssignmentState
from shared.catalogue import Course, CourseVersion, content_of
from shared.database import current_org
from shared.directory import Party
from shared.events import Event, Inclusion
from shared.licences import Checked, CheckReason, Licence

MATTER = (
    "licence.granted",
    "licence.recorded",
    "licence.changed",
    "licence.revoked",
    "licence.restored",
    "licence.record_undone",
    "licence.superseded",
    "assignment.completed",
    "assignment.reopened",
)
"""The types of events that a pack proves."""

MOVES = ("party.merged", "party.renumbered", "party.restored")
"""The types of events that gave a party another id or took that back. Events before them keep the id of their time."""

PROVED_AT_ONCE = 500


@dataclass(frozen=True)
class Asked:
    """The subject of a pack. course_ids: empty for every course. until: the end of the day. tree_size: of its head."""

    on: date
    until: datetime
    course_ids: Collection[uuid.UUID]
    tree_size: int


@dataclass
class PersonFacts:
    """One person of a pack. held: by course, whether the party was licensed at the end of the day.

    events: what was recorded about these licences and completions, by subject: sequences in order.
    moves: the events that led to the person's present id, by the id before: sequences in order.
    """

    number: int
    party: Party
    held: list[tuple[Checked, Any]] = field(default_factory=list)
    licences: list[tuple[Licence, Any]] = field(default_factory=list)
    completions: list[tuple[Assignment, Any]] = field(default_factory=list)
    events: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    moves: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    proofs: list[Inclusion] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The name of the person's file in the pack."""
        return f"people/{self.number:04}.json"


def asked_of(on: date, zone: str, course_ids: Collection[uuid.UUID], tree_size: int) -> Asked:
    """Returns what a pack is about, with the end of its day in the organization's zone."""
    return Asked(on, clock.begin_of(zone, date.fromordinal(on.toordinal() + 1)), course_ids, tree_size)


def count_records(db: Session, people: Select[Any], asked: Asked) -> tuple[int, int]:
    """Returns the numbers of licences and of completions that a pack about these parties has."""
    licence_rows = select(func.count()).select_from(Licence).where(_licences(db, asked), Licence.party_id.in_(people))
    done = select(func.count()).select_from(Assignment).where(_completions(db, asked), Assignment.party_id.in_(people))
    return db.scalar(licence_rows) or 0, db.scalar(done) or 0


def gather(db: Session, people: Sequence[tuple[int, Party]], asked: Asked, *, completions: bool) -> list[PersonFacts]:
    """Returns what a pack says of these people, in their order."""
    found = {party.id: PersonFacts(number, party) for number, party in people}
    for licence, row in _rows(db, Licence, and_(_licences(db, asked), is_one_of(Licence.party_id, list(found)))):
        found[licence.party_id].licences.append((licence, row))
    if completions:
        for done, row in _rows(
            db, Assignment, and_(_completions(db, asked), is_one_of(Assignment.party_id, list(found)))
        ):
            found[done.party_id].completions.append((done, row))
    _check(db, found, asked)
    _prove(db, found, asked)
    return list(found.values())


def _licences(db: Session, asked: Asked) -> ColumnElement[bool]:
    """The condition of licences that had been granted by the end of the day, or reach back to it."""
    return and_(
        Licence.org_id == current_org(db),
        Licence.undone_at.is_(None),
        or_(
            func.coalesce(Licence.restored_at, Licence.granted_at) < asked.until,
            and_(Licence.restored_at.is_(None), Licence.valid_from < asked.until),
        ),
        _of_courses(Licence.course_id, asked),
    )


def _completions(db: Session, asked: Asked) -> ColumnElement[bool]:
    return and_(
        Assignment.org_id == current_org(db),
        Assignment.state == AssignmentState.COMPLETED,
        Assignment.occurred_on <= asked.on,
        _of_courses(Assignment.course_id, asked),
    )


def _of_courses(column: Any, asked: Asked) -> ColumnElement[bool]:
    return is_one_of(column, list(asked.course_ids)) if asked.course_ids else true()


def _rows(db: Session, bound: Any, which: ColumnElement[bool]) -> list[tuple[Any, Any]]:
    version = select(CourseVersion.label).where(
        CourseVersion.org_id == bound.org_id, CourseVersion.id == bound.course_version_id
    )
    label = version.correlate(bound).scalar_subquery().label("version_label")
    title, code, *_ = content_of(bound)
    rows = select(bound, title, code, label).where(which).order_by(bound.party_id, bound.id)
    return [(row[0], row) for row in db.execute(rows)]


def _check(db: Session, found: Mapping[str, PersonFacts], asked: Asked) -> None:
    """Ask for each party and course what `check?at=` answers of the day."""
    course_ids = set(asked.course_ids) or {licence.course_id for one in found.values() for licence, _ in one.licences}
    courses = {
        course.id: course
        for course in db.scalars(
            select(Course).where(Course.org_id == current_org(db), is_one_of(Course.id, list(course_ids)))
        )
    }
    for checked in licences.check_on(db, list(found), sorted(courses), asked.on):
        if asked.course_ids or checked.reason is not CheckReason.NEVER_LICENSED:
            found[checked.party_id].held.append((checked, courses[checked.course_id]))


def _prove(db: Session, found: Mapping[str, PersonFacts], asked: Asked) -> None:
    subjects = {f"licence/{licence.id}": one for one in found.values() for licence, _ in one.licences}
    subjects |= {f"assignment/{done.id}": one for one in found.values() for done, _ in one.completions}
    rows = (
        select(Event.sequence, Event.type, Event.subject, Event.party_id)
        .where(Event.org_id == current_org(db), is_one_of(Event.subject, list(subjects)))
        .where(is_one_of(Event.type, MATTER))
        .order_by(Event.sequence)
    )
    owners: dict[int, list[PersonFacts]] = defaultdict(list)
    ids = set(found)
    for sequence, type_, subject, party_id in db.execute(rows).all():
        subjects[subject].events[subject].append((sequence, type_))
        owners[sequence].append(subjects[subject])
        ids |= {party_id} if party_id else set()
    _add_moves(db, found, ids)
    for one in found.values():
        for sequence, _ in chain.from_iterable(one.moves.values()):
            owners[sequence].append(one)
    sealed = [sequence for sequence in sorted(owners) if sequence <= asked.tree_size]
    for begin in range(0, len(sealed), PROVED_AT_ONCE):
        for proof in events.prove_inclusion(db, sealed[begin : begin + PROVED_AT_ONCE], asked.tree_size):
            for one in owners[proof.sequence]:
                one.proofs.append(proof)


def _add_moves(db: Session, found: Mapping[str, PersonFacts], ids: set[str]) -> None:
    """Find the moves from these ids to the people's present ids. ids: those under which their events are."""
    moves: dict[str, list[tuple[int, str]]] = {}
    into: dict[str, set[str]] = defaultdict(set)
    while ids := ids - moves.keys():
        moves |= {party_id: [] for party_id in ids}
        to = func.coalesce(Event.data["into"].astext, Event.data["entityId"].astext)
        rows = (
            select(Event.sequence, Event.type, Event.party_id, to)
            .where(Event.org_id == current_org(db), is_one_of(Event.subject, [f"party/{each}" for each in ids]))
            .where(is_one_of(Event.type, MOVES))
            .order_by(Event.sequence)
        )
        for sequence, type_, party_id, target in db.execute(rows).all():
            moves[party_id].append((sequence, type_))
            into[party_id] |= {target} - {None}
        ids = set().union(*into.values())
    for one in found.values():
        reached = {one.party.id}
        while more := {party_id for party_id, targets in into.items() if targets & reached} - reached:
            reached |= more
        one.moves = {party_id: moves[party_id] for party_id in sorted(reached) if moves[party_id]}
