"""Older versions: completing a version closes the party's open assignments of older versions of the same course.

A course can switch that off (`newerSatisfies`). The closed assignment names what closed it (`satisfied_by`: the
assignment that was completed, or the session), so that taking the completion back opens it again. Nothing of it is
completed.

Writing rows and recording events are separate, because rows come before every event: see docs/locks.md.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Uuid, and_, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from shared import events
from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import with_ids
from shared.assignments.reopening import REOPENED, another_is_open
from shared.catalogue import Course, CourseVersion
from shared.database import current_org
from shared.events import Actor
from shared.jobs import Job

_QUIET = {"synchronize_session": False}


class Newer(NamedTuple):
    """A completion of a version. by: the assignment that was completed, or the session that did it."""

    party_id: str
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    by: uuid.UUID


@dataclass(frozen=True)
class Closed:
    """The assignments that completions of newer versions closed, each with the reason."""

    reasons: Mapping[uuid.UUID, str]


def lock_line(db: Session, assignment_ids: Collection[uuid.UUID]) -> None:
    """Lock these assignments and all others that their parties have of the same courses, by id, in two statements.

    For work that completes assignments, or takes completions back, and then changes older ones: locked one after the
    other, two such works could each wait for the other.
    """
    org_id = current_org(db)
    own = db.execute(select(Assignment.party_id, Assignment.course_id).where(*with_ids(org_id, assignment_ids))).all()
    lock_course(db, {row.party_id for row in own}, {row.course_id for row in own})


def lock_course(db: Session, party_ids: Collection[str], course_ids: Collection[uuid.UUID]) -> None:
    """Lock all assignments that these parties have of these courses, by id."""
    theirs = (
        select(Assignment.id)
        .where(
            Assignment.org_id == current_org(db),
            is_one_of(Assignment.party_id, list(party_ids)),
            is_one_of(Assignment.course_id, list(course_ids)),
        )
        .order_by(Assignment.id)
        .with_for_update(key_share=True)
    )
    db.execute(theirs).all()


def close_older(db: Session, newer: Sequence[Newer], actor: Actor, now: datetime, *, always: bool = False) -> Closed:
    """Close the open assignments of older versions. Call `lock_line` or `lock_course` before, `record_closed` after.

    always: also for courses whose newer versions do not satisfy older ones.
    """
    versions = _versions(db, {one.course_id for one in newer}) if newer else {}
    satisfying = {
        (one.party_id, one.course_id): one
        for one in sorted(newer, key=lambda one: versions[one.course_version_id].published_at)
        if (always or versions[one.course_version_id].newer_satisfies) and _has_older(versions, one)
    }
    if not satisfying:
        return Closed({})
    rows = db.execute(
        select(Assignment.id, Assignment.party_id, Assignment.course_id, Assignment.course_version_id).where(
            Assignment.org_id == current_org(db),
            Assignment.state == AssignmentState.ASSIGNED,
            is_one_of(Assignment.party_id, sorted({party_id for party_id, _ in satisfying})),
            is_one_of(Assignment.course_id, list({course_id for _, course_id in satisfying})),
        )
    )
    by: dict[uuid.UUID, Newer] = {}
    for row in rows:
        one = satisfying.get((row.party_id, row.course_id))
        if one and versions[row.course_version_id].published_at < versions[one.course_version_id].published_at:
            by[row.id] = one
    reasons = {
        found: f"Completed in the newer version {versions[one.course_version_id].label}" for found, one in by.items()
    }
    if by:
        _close(db, {found: one.by for found, one in by.items()}, reasons, actor, now)
    return Closed(reasons)


def _has_older(versions: Mapping[uuid.UUID, Any], one: Newer) -> bool:
    """True if the course has an older published version. Most have none, and then no assignment is read."""
    published_at = versions[one.course_version_id].published_at
    return any(found.course_id == one.course_id and found.published_at < published_at for found in versions.values())


def _close(
    db: Session,
    by: Mapping[uuid.UUID, uuid.UUID],
    reasons: Mapping[uuid.UUID, str],
    actor: Actor,
    now: datetime,
) -> None:
    values: dict[Any, Any] = {
        Assignment.state: AssignmentState.CLOSED,
        Assignment.closed_by_type: actor.type,
        Assignment.closed_by_id: actor.id,
        Assignment.closed_at: now,
        Assignment.closure_reason: _of_each(reasons),
        Assignment.satisfied_by: cast(_of_each(by), Uuid),
        Assignment.link_epoch: Assignment.link_epoch + 1,
        Assignment.revision: Assignment.revision + 1,
    }
    closed = update(Assignment).where(*with_ids(current_org(db), by)).values(values)
    db.execute(closed, execution_options=_QUIET)


def record_closed(db: Session, closed: Closed, actor: Actor, now: datetime, data: dict[str, Any]) -> None:
    """Record the events of what `close_older` closed. data: fields that all share, such as `jobId`."""
    each = select(
        func.concat("assignment/", Assignment.id).label("subject"),
        Assignment.party_id,
        func.jsonb_build_object(
            "courseId",
            Assignment.course_id,
            "courseVersionId",
            Assignment.course_version_id,
            "reason",
            _of_each(closed.reasons),
        ).label("data"),
    ).where(*with_ids(current_org(db), closed.reasons))
    events.record_each(db, actor, now, type="assignment.closed", count=len(closed.reasons), of=each, data=data)


def reopen_older(
    db: Session, by: Collection[uuid.UUID], party_ids: Collection[str], course_ids: Collection[uuid.UUID]
) -> list[uuid.UUID]:
    """Reopen what these completions of newer versions closed. Returns the ids of the assignments.

    by: assignments or sessions. Call `lock_line` or `lock_course` before, and record the events afterwards.
    """
    org_id = current_org(db)
    ids = older_closed_by(db, by, party_ids, course_ids)
    if ids:
        values = {**REOPENED, Assignment.revision: Assignment.revision + 1}
        db.execute(update(Assignment).where(*with_ids(org_id, ids)).values(values), execution_options=_QUIET)
    return ids


def older_closed_by(
    db: Session, by: Collection[uuid.UUID], party_ids: Collection[str], course_ids: Collection[uuid.UUID]
) -> list[uuid.UUID]:
    """Return the assignments that these completions of newer versions closed and that may be open again."""
    closed = select(Assignment.id).where(
        Assignment.org_id == current_org(db),
        is_one_of(Assignment.party_id, list(party_ids)),
        is_one_of(Assignment.course_id, list(course_ids)),
        Assignment.state == AssignmentState.CLOSED,
        is_one_of(Assignment.satisfied_by, list(by)),
        ~another_is_open(),
    )
    return list(db.scalars(closed))


def record_reopened_older(
    db: Session, ids: Collection[uuid.UUID], actor: Actor, now: datetime, data: dict[str, Any]
) -> None:
    """Record the events of what `reopen_older` reopened. ids: its result. data: `reason`, and what names the cause."""
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(
        *with_ids(current_org(db), ids)
    )
    events.record_each(db, actor, now, type="assignment.reopened", count=len(ids), of=each, data=data)


def _versions(db: Session, course_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Return the published versions of these courses, by id: `course_id, label, published_at, newer_satisfies`."""
    rows = db.execute(
        select(
            CourseVersion.id,
            CourseVersion.course_id,
            CourseVersion.label,
            CourseVersion.published_at,
            Course.newer_satisfies,
        )
        .join(Course, and_(Course.org_id == CourseVersion.org_id, Course.id == CourseVersion.course_id))
        .where(
            CourseVersion.org_id == current_org(db),
            is_one_of(CourseVersion.course_id, list(course_ids)),
            CourseVersion.published_at.is_not(None),
        )
    )
    return {row.id: row for row in rows}


def _of_each(values: Mapping[uuid.UUID, Any]) -> Any:
    """The value of each assignment as text, from one parameter, without a join."""
    given = literal({str(key): str(value) for key, value in values.items()}, JSONB)
    return given.op("->>")(cast(Assignment.id, Text))


@dataclass(frozen=True)
class Older:
    """The effect of a change on older versions of the course: it closes the open ones, or reopens those it had closed.

    always: also where the course says that newer versions do not satisfy older ones.
    """

    what: Literal["close", "reopen"]
    always: bool = False

    def change(self, db: Session, job: Job, newer: Sequence[Newer], now: datetime) -> Closed | list[uuid.UUID]:
        """Change the assignments of older versions. newer: the changed completions."""
        if self.what == "close":
            return close_older(db, newer, job.actor, now, always=self.always)
        courses = {one.course_id for one in newer}
        return reopen_older(db, [one.by for one in newer], {one.party_id for one in newer}, courses)

    @staticmethod
    def record(db: Session, job: Job, done: Closed | list[uuid.UUID], data: dict[str, Any], now: datetime) -> None:
        """Record the events of what `change` did. data: those of the reopening events."""
        if isinstance(done, Closed):
            record_closed(db, done, job.actor, now, {"jobId": str(job.id)})
        else:
            record_reopened_older(db, done, job.actor, now, data)
