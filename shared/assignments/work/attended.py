"""The assignments of a session's parties: complete those of parties that attended, reopen those of parties that an
amendment removes. One chunk of parties at a time.

Writing rows and recording events are separate functions, because a session also grants licences: the rows of both nouns
are written before any event is recorded (see docs/locks.md).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of, texts
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.older import Closed, Newer, close_older, lock_course, record_closed, reopen_older
from shared.assignments.queries import with_ids
from shared.assignments.reopening import REOPENED, another_is_open
from shared.jobs import Chunk, Job


@dataclass(frozen=True)
class Attended:
    """A session as its assignments need it. occurred_on: the day it ended, in the organization's time zone."""

    session_id: uuid.UUID
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    occurred_on: date

    @property
    def data(self) -> dict[str, str]:
        """The fields of an event that name the session."""
        return {
            "sessionId": str(self.session_id),
            "courseId": str(self.course_id),
            "courseVersionId": str(self.course_version_id),
        }


@dataclass(frozen=True)
class Completed:
    """The result of `complete_attended`: the number of assignments, and those of older versions that it closed."""

    count: int
    older: Closed


def complete_attended(
    db: Session, chunk: Chunk, attended: Attended, party_ids: Sequence[str], now: datetime
) -> Completed:
    """Complete the parties' open assignments of the session's version, and close those of older versions.

    The caller must call `lock_attended` before, and `record_attended` afterwards.
    """
    count = _complete(db, chunk, attended, select(func.unnest(texts(party_ids)).label("entity_id")), now)
    session = (attended.course_id, attended.course_version_id, attended.session_id)
    newer = [Newer(party_id, *session) for party_id in party_ids]
    return Completed(count, close_older(db, newer, chunk.job.actor, now))


def _complete(db: Session, chunk: Chunk, attended: Attended, parties: Select[str], now: datetime) -> int:
    """Complete the parties' open assignments of the session's version. Returns their number."""
    job = chunk.job
    ids = parties.subquery()
    target = (
        select(Assignment.id)
        .where(
            Assignment.org_id == job.org_id,
            Assignment.course_version_id == attended.course_version_id,
            Assignment.state == AssignmentState.ASSIGNED,
            chunk.covers(Assignment.party_id),
            Assignment.party_id.in_(select(*ids.c)),
        )
        .order_by(Assignment.id)
        .with_for_update(of=Assignment)
        .cte("target")
    )
    completed = (
        update(Assignment)
        .where(Assignment.org_id == job.org_id, Assignment.id == target.c.id)
        .values(
            state=AssignmentState.COMPLETED,
            completion_method=CompletionMethod.SESSION,
            completed_by_type=job.submitted_by_type,
            completed_by_id=job.submitted_by_id,
            completed_at=now,
            occurred_on=attended.occurred_on,
            completion_job_id=job.id,
            revision=Assignment.revision + 1,
        )
        .returning(Assignment.id)
        .cte("completed")
    )
    return db.scalar(select(func.count()).select_from(completed)) or 0


def record_attended(db: Session, chunk: Chunk, attended: Attended, completed: Completed, now: datetime) -> None:
    """Record the events of what `complete_attended` completed and closed. completed: its result."""
    job = chunk.job
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(
        Assignment.org_id == job.org_id,
        Assignment.completion_job_id == job.id,
        Assignment.course_version_id == attended.course_version_id,
        chunk.covers(Assignment.party_id),
    )
    data = attended.data | {
        "method": CompletionMethod.SESSION,
        "occurredOn": attended.occurred_on.isoformat(),
        "jobId": str(job.id),
    }
    events.record_each(db, job.actor, now, type="assignment.completed", count=completed.count, of=each, data=data)
    record_closed(db, completed.older, job.actor, now, {"jobId": str(job.id)})


def lock_attended(db: Session, chunk: Chunk, attended: Attended) -> None:
    """Lock all assignments of the course that the chunk's parties have. Call it before the parties are locked."""
    lock_course(db, db.scalars(chunk.recipients).all(), [attended.course_id])


def reopen_attended(db: Session, chunk: Chunk, attended: Attended, party_ids: Sequence[str]) -> list[uuid.UUID]:
    """Reopen what the session completed or closed of these parties' assignments. Returns the ids of the assignments.

    An assignment that was completed in another way stays completed. So does the assignment of a party that has another
    open one of the version. The caller must call `lock_attended` before, and `record_reopened` afterwards.
    """
    job = chunk.job
    by_session = exists().where(
        Job.org_id == job.org_id,
        Job.id == Assignment.completion_job_id,
        Job.request["sessionId"].astext == str(attended.session_id),
    )
    completed = (
        select(Assignment.id)
        .where(
            *_of_version(chunk, attended),
            is_one_of(Assignment.party_id, party_ids),
            Assignment.state == AssignmentState.COMPLETED,
            by_session,
            ~another_is_open(),
        )
        .distinct(Assignment.party_id)
        .order_by(Assignment.party_id, Assignment.id.desc())
    )
    ids = list(db.scalars(completed))
    values = {**REOPENED, Assignment.revision: Assignment.revision + 1}
    db.execute(
        update(Assignment).where(*with_ids(job.org_id, ids)).values(values), execution_options=_NO_SYNCHRONIZATION
    )
    return ids + reopen_older(db, [attended.session_id], party_ids, [attended.course_id])


def record_reopened(
    db: Session, chunk: Chunk, attended: Attended, ids: Sequence[uuid.UUID], reason: str, now: datetime
) -> None:
    """Record the events of what `reopen_attended` reopened. ids: its result."""
    job = chunk.job
    version = func.jsonb_build_object("courseVersionId", Assignment.course_version_id).label("data")
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id, version).where(
        *with_ids(job.org_id, ids)
    )
    session = {"sessionId": str(attended.session_id), "courseId": str(attended.course_id)}
    data = session | {"reason": reason, "jobId": str(job.id)}
    events.record_each(db, job.actor, now, type="assignment.reopened", count=len(ids), of=each, data=data)


_NO_SYNCHRONIZATION = {"synchronize_session": False}


def _of_version(chunk: Chunk, attended: Attended) -> tuple[ColumnElement[bool], ...]:
    """The conditions of an assignment of the session's version, of a party in the chunk's range."""
    return (
        Assignment.org_id == chunk.job.org_id,
        Assignment.course_version_id == attended.course_version_id,
        chunk.covers(Assignment.party_id),
    )
