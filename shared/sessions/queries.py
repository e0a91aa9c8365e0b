"""Reading sessions and their rosters. Licences are another noun, so the caller passes a select of them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    Text,
    Uuid,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from shared import catalogue, directory
from shared.arrays import is_one_of
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.errors import NotFound, OutOfScope
from shared.jobs import Job, JobOutcome, Outcome, OutcomeCode
from shared.periods import Period
from shared.sessions.models import Attendance, RosterEntry, SessionMode, SessionState, TrainingSession
from shared.sessions.roster_schemas import RosterOutcome

COMPLETE, AMEND = "sessions.complete", "sessions.amend"
"""The kinds of job whose outcomes tell what a session brought the parties on its roster."""


ATTENDED = RosterEntry.attendance == Attendance.ATTENDED

Licensed = Select[*tuple[Any, ...]]
"""The licence that a session granted to each party, perhaps a revoked one: `party_id, licence_id, revoked_at,
revoked_by_type, revoked_by_id, revoked_job_id`."""


@dataclass(frozen=True)
class Filters:
    """The conditions of a list. since, until: bounds of the start, until exclusive. party_id: a party on the roster."""

    course_id: uuid.UUID | None = None
    state: SessionState | None = None
    mode: SessionMode | None = None
    since: datetime | None = None
    until: datetime | None = None
    party_id: str | None = None


def list_sessions(
    db: Session, filters: Filters, scope: Collection[str] | None
) -> Select[TrainingSession, str, str, int, int]:
    """Select sessions by their start.

    Rows of (TrainingSession, course_title, version_label, roster_size, unrecorded).
    """
    rows = _shown(db, scope).order_by(TrainingSession.starts_at, TrainingSession.id)
    for column, value in (
        (TrainingSession.course_id, filters.course_id),
        (TrainingSession.state, filters.state),
        (TrainingSession.mode, filters.mode),
    ):
        if value is not None:
            rows = rows.where(column == value)
    if filters.since is not None:
        rows = rows.where(TrainingSession.starts_at >= filters.since)
    if filters.until is not None:
        rows = rows.where(TrainingSession.starts_at < filters.until)
    if filters.party_id is not None:
        expected = exists().where(*_on_roster(scope), RosterEntry.party_id == filters.party_id)
        rows = rows.where(expected)
    return rows


def get(db: Session, session_id: uuid.UUID, scope: Collection[str] | None) -> Row[TrainingSession, str, str, int, int]:
    """Return one row as of `list_sessions`. Raises NotFound, also for a session whose roster is outside the scope."""
    row = db.execute(_shown(db, scope).where(TrainingSession.id == session_id)).one_or_none()
    if row is None:
        raise NotFound("session")
    return row


def need_whole(db: Session, session_id: uuid.UUID, scope: Collection[str] | None) -> None:
    """Raise NotFound for a session that is not visible, OutOfScope for one with a party outside the scope.

    Call it with the session locked, so that nobody else is added to the roster meanwhile.
    """
    if scope is None:
        return
    inside, outside = db.execute(
        select(
            func.count().filter(directory.in_scope(RosterEntry.party_id, scope)),
            func.count().filter(~directory.in_scope(RosterEntry.party_id, scope)),
        ).where(RosterEntry.org_id == current_org(db), RosterEntry.session_id == session_id)
    ).one()
    if outside:
        raise OutOfScope("session") if inside else NotFound("session")


def list_roster(
    db: Session, session: TrainingSession, licensed: Licensed, scope: Collection[str] | None
) -> Select[RosterEntry, str, str | None, uuid.UUID | None]:
    """Select the roster by party: rows of (RosterEntry, display_name, outcome, licence_id)."""
    each = licensed.subquery("each")
    licence = select(each).where(each.c.party_id == RosterEntry.party_id).offset(0).lateral("licensed")
    shown = directory.in_scope(RosterEntry.party_id, scope)
    licence_id = cast(null(), Uuid) if session.completion_job_id is None else licence.c.licence_id
    return (
        select(
            RosterEntry,
            directory.name_of(RosterEntry.org_id, RosterEntry.party_id),
            _outcome(db, session, licence.c).label("outcome"),
            licence_id.label("licence_id"),
        )
        .outerjoin(licence, true())
        .where(RosterEntry.org_id == session.org_id, RosterEntry.session_id == session.id, shown)
        .order_by(RosterEntry.party_id)
    )


def has_outcome(
    db: Session, session: TrainingSession, entity_id: Any, which: ColumnElement[bool]
) -> ColumnElement[bool]:
    """The condition that a job of the session's completion or of an amendment stored such an outcome for a party."""
    return exists().where(
        JobOutcome.org_id == session.org_id,
        is_one_of(JobOutcome.job_id, jobs_of(db, session)),
        JobOutcome.entity_id == entity_id,
        which,
    )


def jobs_of(db: Session, session: TrainingSession, *which: ColumnElement[bool]) -> list[uuid.UUID]:
    """Return the ids of the session's completions and amendments. None is older than the completion that it names."""
    return list(
        db.scalars(
            select(Job.id).where(
                Job.org_id == session.org_id,
                Job.id >= session.completion_job_id,
                Job.kind.in_((COMPLETE, AMEND)),
                Job.request["sessionId"].astext == str(session.id),
                *which,
            )
        )
    )


def _outcome(db: Session, session: TrainingSession, licence: Any) -> Any:
    if session.completion_job_id is None:
        return cast(null(), Text)
    party_id = RosterEntry.party_id
    unfinished = RosterOutcome.PENDING if session.state == SessionState.COMPLETING else RosterOutcome.CANCELLED
    return case(
        (RosterEntry.removed_at.is_not(None), literal(RosterOutcome.REMOVED, Text)),
        (licence.revoked_at.is_not(None), literal(RosterOutcome.REVOKED, Text)),
        (licence.licence_id.is_not(None), literal(RosterOutcome.LICENSED, Text)),
        (RosterEntry.attendance != Attendance.ATTENDED, literal(RosterOutcome.NOT_ATTENDED, Text)),
        (
            has_outcome(db, session, party_id, JobOutcome.code == OutcomeCode.ATTENDED),
            literal(RosterOutcome.COMPLETED, Text),
        ),
        (has_outcome(db, session, party_id, JobOutcome.outcome == Outcome.FAILED), literal(RosterOutcome.FAILED, Text)),
        else_=literal(unfinished, Text),
    )


def _shown(db: Session, scope: Collection[str] | None) -> Select[TrainingSession, str, str, int, int]:
    org_id = TrainingSession.org_id
    return (
        select(
            TrainingSession,
            catalogue.TITLE.label("course_title"),
            CourseVersion.label.label("version_label"),
            _roster_size(scope).label("roster_size"),
            _roster_size(scope, RosterEntry.attendance_recorded_at.is_(None), ATTENDED).label("unrecorded"),
        )
        .outerjoin(Course, catalogue.is_course(org_id, TrainingSession.course_id))
        .outerjoin(CourseVersion, catalogue.is_version(org_id, TrainingSession.course_version_id))
        .where(org_id == current_org(db), is_visible(scope))
    )


def is_visible(scope: Collection[str] | None) -> ColumnElement[bool]:
    """The condition that a session is visible: its roster is empty, or at least one of its parties is in the scope."""
    if scope is None:
        return true()
    of_session = RosterEntry.org_id == TrainingSession.org_id, RosterEntry.session_id == TrainingSession.id
    inside = exists().where(*of_session, directory.in_scope(RosterEntry.party_id, scope))
    return or_(~exists().where(*of_session), inside)


def _roster_size(scope: Collection[str] | None, *which: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(RosterEntry).where(*_on_roster(scope), *which).scalar_subquery()


def _outside_size(scope: Collection[str] | None) -> ColumnElement[int]:
    """The number of parties on the roster that are outside the scope."""
    if scope is None:
        return literal(0)
    outside = ~directory.in_scope(RosterEntry.party_id, scope)
    return select(func.count()).select_from(RosterEntry).where(*_on_roster(None), outside).scalar_subquery()


def _on_roster(scope: Collection[str] | None) -> tuple[Any, ...]:
    return (
        RosterEntry.org_id == TrainingSession.org_id,
        RosterEntry.session_id == TrainingSession.id,
        RosterEntry.removed_at.is_(None),
        directory.in_scope(RosterEntry.party_id, scope),
    )


@dataclass(frozen=True)
class Seats:
    """The seats of scheduled sessions. free: the remaining seats.

    free is None if a session has no capacity, or if a party on its roster is outside the scope.
    """

    sessions: int
    taken: int
    free: int | None


def count_seats(
    db: Session,
    scope: Collection[str] | None,
    *,
    course_id: uuid.UUID | None,
    zone: str,
    by: Period,
    since: datetime,
    until: datetime,
) -> dict[date, Seats]:
    """Count the seats of visible scheduled sessions by period, taken ones in the scope.

    Returns the seats by the first day of the period in this time zone. Periods without a session are left out.
    """
    each = select(
        by.begun_by(TrainingSession.starts_at, zone).label("period"),
        TrainingSession.capacity,
        _roster_size(scope).label("taken"),
        _outside_size(scope).label("outside"),
    ).where(
        is_visible(scope),
        TrainingSession.org_id == current_org(db),
        TrainingSession.state == SessionState.SCHEDULED,
        TrainingSession.starts_at >= since,
        TrainingSession.starts_at < until,
    )
    if course_id is not None:
        each = each.where(TrainingSession.course_id == course_id)
    found = each.subquery()
    known = func.bool_and(found.c.capacity.is_not(None) & (found.c.outside == 0))
    free = case((known, func.sum(func.greatest(found.c.capacity - found.c.taken, 0))))
    rows = select(found.c.period, func.count(), func.sum(found.c.taken), free).group_by(found.c.period)
    return {
        first.date(): Seats(number, int(taken), None if left is None else int(left))
        for first, number, taken, left in db.execute(rows).tuples()
    }
