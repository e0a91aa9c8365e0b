"""Decides the outcome of each row of an import, for a preview and for a chunk of the job, so that they cannot differ.

It reads a fixed number of statements for any number of rows and decides in Python. The rows may be all of an import or
those of a chunk; a chunk has locked the parties before, so that nothing changes meanwhile.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from typing import NamedTuple

from sqlalchemy import ARRAY, Date, Text, Uuid, and_, cast, column, func, literal, null, select
from sqlalchemy.orm import Session

from shared import catalogue, clock, directory
from shared.arrays import is_one_of
from shared.catalogue import UNRECORDED, Course, LicenceEnds, LicenceFrom, PastVersion, VersionState
from shared.database import current_org
from shared.directory import Party
from shared.jobs import OutcomeCode
from shared.licences.dates import AT, Training, dates, policy_of_course
from shared.licences.models import ExpiryRule, Licence
from shared.licences.queries import COUNTS
from shared.licences.records.reading import ReadRow

A_DAY = timedelta(days=1)

Begins = Callable[[date], datetime]
"""The first instant of a day in the organization's zone."""


@dataclass(frozen=True)
class Terms:
    """The conditions of an import. zone: the organization's. scope: the submitter's folders, None for all."""

    zone: str
    scope: Collection[str] | None
    now: datetime


class Dated(NamedTuple):
    """The dates of a record: as in `Licence`."""

    valid_from: datetime
    expires_at: datetime
    rule: str
    months: int | None
    counted_from: datetime | None
    ends: str | None


class Decision(NamedTuple):
    """The outcome of a row. licence_id: the record that it is already. detail: a sentence of this row's own.

    Of a row that goes in: its course, its version, and its dates. course_version_id: None for the version
    `unrecorded`, which is not there yet.
    """

    row: ReadRow
    code: OutcomeCode
    licence_id: uuid.UUID | None = None
    detail: str | None = None
    course_id: uuid.UUID | None = None
    course_version_id: uuid.UUID | None = None
    dated: Dated | None = None


class Refused(Exception):
    """A row cannot go in. code: the outcome."""

    def __init__(self, code: OutcomeCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Known:
    """The parties, courses and versions that rows name, as they were read.

    parties: when each was erased, None if it was not; only those in scope. by_id: the months of a course's licence.
    versions: of a course, the first published first. dated: the dates by a course's policy, for a day.
    """

    parties: dict[str, datetime | None]
    by_id: dict[uuid.UUID, int | None]
    by_code: dict[str, uuid.UUID]
    versions: dict[uuid.UUID, list[PastVersion]]
    dated: dict[tuple[uuid.UUID, date], Dated]

    def course_of(self, row: ReadRow) -> uuid.UUID:
        """Raises Refused for a course that is unknown."""
        if row.course_id is None:
            found = self.by_code.get(row.course_code or "")
        else:
            found = row.course_id if row.course_id in self.by_id else None
        if found is None:
            raise Refused(OutcomeCode.COURSE_NOT_FOUND)
        return found


def decide(db: Session, rows: Sequence[ReadRow], known: Known, terms: Terms) -> list[Decision]:
    """Returns what becomes of each of these rows, in their order."""
    return without_repeated(db, each_alone(rows, known, terms))


def each_alone(rows: Sequence[ReadRow], known: Known, terms: Terms) -> list[Decision]:
    """Returns what would become of each of these rows if it were the only record."""
    begins = cache(partial(clock.begin_of, terms.zone))
    return [_decide(row, known, begins) for row in rows]


def without_repeated(db: Session, decisions: Sequence[Decision]) -> list[Decision]:
    """Turns rows that are recorded already, or stand twice in the import, into `already-recorded`."""
    recorded, found = _recorded(db, decisions), list[Decision]()
    for one in decisions:
        if one.code is OutcomeCode.RECORDED:
            known = len(recorded)
            earlier = recorded.setdefault(key_of(one), None)
            if len(recorded) == known:
                one = Decision(one.row, OutcomeCode.ALREADY_RECORDED, earlier)
        found.append(one)
    return found


def courses_without_version(decisions: Iterable[Decision]) -> list[uuid.UUID]:
    """Returns the courses of which a row needs the version `unrecorded`, and which have none."""
    lacking = {one.course_id for one in decisions if one.code is OutcomeCode.RECORDED and one.course_version_id is None}
    return sorted(course_id for course_id in lacking if course_id is not None)


def _decide(row: ReadRow, known: Known, begins: Begins) -> Decision:
    if row.code is not None:
        return Decision(row, OutcomeCode(row.code), detail=row.detail)
    try:
        if row.party_id not in known.parties:
            raise Refused(OutcomeCode.PARTY_NOT_FOUND)
        if known.parties[row.party_id] is not None:
            raise Refused(OutcomeCode.PARTY_ERASED)
        course_id = known.course_of(row)
        dated = _dated(row, course_id, known, begins)
        version_id = _version(row, known.versions.get(course_id, []), begins)
    except Refused as refused:
        return Decision(row, refused.code)
    return Decision(row, OutcomeCode.RECORDED, None, None, course_id, version_id, dated)


def _dated(row: ReadRow, course_id: uuid.UUID, known: Known, begins: Begins) -> Dated:
    """The dates that the row says, or else those of the course's policy. Raises Refused where there is none."""
    assert row.completed_on is not None
    if row.expires_on is not None:
        ended = begins(row.expires_on + A_DAY)
        return Dated(begins(row.completed_on), ended, ExpiryRule.RECORDED, None, None, None)
    found = known.dated.get((course_id, row.completed_on))
    if found is None:
        raise Refused(OutcomeCode.EXPIRY_NEEDED)
    return found


def _version(row: ReadRow, versions: Sequence[PastVersion], begins: Begins) -> uuid.UUID | None:
    """The version that the row names, or else the one that was active at the end of its day, or else `unrecorded`.

    versions: of the course, the first published first. None: `unrecorded` is to be made.
    """
    assert row.completed_on is not None
    if row.version_label is not None:
        named: uuid.UUID | None = next((one.id for one in versions if one.label == row.version_label), None)
        if named is None:
            raise Refused(OutcomeCode.VERSION_NOT_FOUND)
        return named
    ended = begins(row.completed_on + A_DAY)
    published: list[uuid.UUID] = [
        one.id for one in versions if one.published_at is not None and one.published_at < ended
    ]
    if published:
        return published[-1]
    made: uuid.UUID | None = next(
        (one.id for one in versions if (one.label, one.state) == (UNRECORDED, VersionState.RETIRED)), None
    )
    return made


def key_of(one: Decision) -> tuple[object, ...]:
    """Returns the key by which a record is the same as another one: party, course, day and number."""
    return one.row.party_id, one.course_id, one.row.completed_on, one.row.number or ""


def know(db: Session, rows: Sequence[ReadRow], terms: Terms) -> Known:
    """Reads what `decide` needs of the parties and courses that these rows name."""
    readable = [row for row in rows if row.code is None]
    courses = catalogue.courses_of_records(
        db,
        sorted({row.course_id for row in readable if row.course_id is not None}),
        sorted({row.course_code for row in readable if row.course_code is not None}),
    )
    by_id = {course_id: months for course_id, _, months in courses}
    by_code = {code: course_id for course_id, code, _ in courses}
    known = Known({}, by_id, by_code, {}, {})
    know_parties(db, readable, known, terms)
    know_versions(db, known)
    known.dated = _by_policy(db, readable, known, terms)
    return known


def know_parties(db: Session, rows: Sequence[ReadRow], known: Known, terms: Terms) -> None:
    """Reads the parties of these rows, as they are now."""
    party_ids = sorted({row.party_id for row in rows if row.party_id})
    seen = select(Party.id, Party.erased_at).where(
        Party.org_id == current_org(db), is_one_of(Party.id, party_ids), directory.in_scope(Party.id, terms.scope)
    )
    known.parties = {row.id: row.erased_at for row in db.execute(seen)}


def know_versions(db: Session, known: Known) -> None:
    """Reads the versions of the known courses, as they are now."""
    known.versions = {}
    for version in catalogue.past_versions(db, list(known.by_id)):
        known.versions.setdefault(version.course_id, []).append(version)


def _by_policy(db: Session, rows: Sequence[ReadRow], known: Known, terms: Terms) -> dict[tuple[uuid.UUID, date], Dated]:
    """The dates by the course's policy, for rows that say no end. A course that grants no licence gives none."""
    needed: set[tuple[uuid.UUID, date]] = set()
    for row in rows:
        course = known.by_code.get(row.course_code or "") if row.course_id is None else row.course_id
        if row.expires_on is None and course is not None and row.completed_on is not None:
            needed.add((course, row.completed_on))
    if not needed:
        return {}
    courses, days = zip(*needed, strict=True)
    arrays = literal(list(courses), ARRAY(Uuid)), literal(list(days), ARRAY(Date))
    each = func.unnest(*arrays).table_valued(column("course_id", Uuid), column("day", Date)).render_derived("each")
    policy = policy_of_course(db, begins=literal(LicenceFrom.TRAINING, Text))
    unknown = cast(null(), AT)
    found = dates(policy, Training(literal(terms.now, AT), unknown, each.c.day, unknown))
    of_course = and_(Course.org_id == current_org(db), Course.id == each.c.course_id)
    ends = func.nullif(Course.licence_ends, LicenceEnds.INSTANT)
    columns = found.valid_from, found.expires_at, found.rule, Course.licence_months, found.counted_from, ends
    selected = select(each.c.course_id, each.c.day, *columns).select_from(each.join(Course, of_course))
    rows_of_policy = db.execute(selected.where(Course.licence_months.is_not(None)))
    return {(row[0], row[1]): Dated(*row[2:]) for row in rows_of_policy}


def _recorded(db: Session, decisions: Sequence[Decision]) -> dict[tuple[object, ...], uuid.UUID | None]:
    """The records that these parties have of these courses, by what makes a record the same as another one."""
    going = [one for one in decisions if one.code is OutcomeCode.RECORDED]
    if not going:
        return {}
    rows = select(Licence.party_id, Licence.course_id, Licence.completed_on, Licence.record_key, Licence.id).where(
        Licence.org_id == current_org(db),
        is_one_of(Licence.party_id, sorted({one.row.party_id for one in going})),
        is_one_of(Licence.course_id, sorted({one.course_id for one in going if one.course_id})),
        Licence.record_key.is_not(None),
        Licence.undone_at.is_(None),
    )
    return {tuple(row[:4]): row[4] for row in db.execute(rows)}


def counting(db: Session, decisions: Sequence[Decision]) -> dict[tuple[str, uuid.UUID], tuple[uuid.UUID, datetime]]:
    """Locks the licences that count for the parties and courses of these rows. Returns id and end of each.

    A correction of an end either has committed before, or waits for the lock.
    """
    rows = (
        select(Licence.party_id, Licence.course_id, Licence.id, Licence.expires_at)
        .where(
            Licence.org_id == current_org(db),
            is_one_of(Licence.party_id, sorted({one.row.party_id for one in decisions})),
            is_one_of(Licence.course_id, sorted({one.course_id for one in decisions if one.course_id})),
            COUNTS,
        )
        .order_by(Licence.id)
        .with_for_update(key_share=True)
    )
    return {(row.party_id, row.course_id): (row.id, row.expires_at) for row in db.execute(rows)}
