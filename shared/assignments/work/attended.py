"""What a session does to assignments: completes those of the parties that attended, and reopens those of the parties
that an amendment removes. A chunk of parties at a time.

In two steps, because a session also earns licences: first the rows of both nouns are written, then the events of both,
since a transaction that holds the organization's event counter must not wait for a row (docs/locks.md).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import with_ids
from shared.assignments.reopening import REOPENED, another_is_open
from shared.jobs import Chunk, Job


@dataclass(frozen=True)
class Attended:
    """The session whose parties are meant. occurred_on: the day it ended, in the organization's zone."""

    session_id: uuid.UUID
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    occurred_on: date

    @property
    def data(self) -> dict[str, str]:
        """What events say of the session."""
        return {
            "sessionId": str(self.session_id),
            "courseId": str(self.course_id),
            "courseVersionId": str(self.course_version_id),
        }


def complete_attended(db: Session, chunk: Chunk, attended: Attended, parties: Select[str], now: datetime) -> int:
    """Complete the parties' open assignments of the session's version. Returns their number.

    parties: selects ids of parties in the chunk's range, one column. `record_attended` must follow.
    """
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


def record_attended(db: Session, chunk: Chunk, attended: Attended, count: int, now: datetime) -> None:
    """Record the events of the completions just written, `count` of them."""
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
    events.record_each(db, job.actor, now, type="assignment.completed", count=count, of=each, data=data)


def lock_attended(db: Session, chunk: Chunk, attended: Attended) -> None:
    """Lock the assignments of the version that the chunk's parties have, for work that locks the parties afterwards."""
    recipients = chunk.recipients.subquery()
    theirs = (
        select(Assignment.id)
        .where(*_of_version(chunk, attended), Assignment.party_id.in_(select(recipients.c.entity_id)))
        .order_by(Assignment.id)
        .with_for_update(key_share=True)
        .cte("theirs")
    )
    db.execute(select(func.count()).select_from(theirs))


def reopen_attended(db: Session, chunk: Chunk, attended: Attended, party_ids: Sequence[str]) -> list[uuid.UUID]:
    """Reopen the assignments that the session had completed for these parties. Returns the ids of the assignments.

    An assignment that was completed otherwise stays completed, and a party that has another open assignment of the
    version gets no second one. `lock_attended` must come before, `record_reopened` must follow.
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
    db.execute(update(Assignment).where(*with_ids(job.org_id, ids)).values(values), execution_options=_UNSEEN)
    return ids


def record_reopened(
    db: Session, chunk: Chunk, attended: Attended, ids: Sequence[uuid.UUID], reason: str, now: datetime
) -> None:
    """Record the events of the assignments just reopened."""
    job = chunk.job
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(
        *with_ids(job.org_id, ids)
    )
    data = attended.data | {"reason": reason, "jobId": str(job.id)}
    events.record_each(db, job.actor, now, type="assignment.reopened", count=len(ids), of=each, data=data)


_UNSEEN = {"synchronize_session": False}


def _of_version(chunk: Chunk, attended: Attended) -> tuple[ColumnElement[bool], ...]:
    """The assignments of the session's version, in the chunk's range."""
    return (
        Assignment.org_id == chunk.job.org_id,
        Assignment.course_version_id == attended.course_version_id,
        chunk.covers(Assignment.party_id),
    )
