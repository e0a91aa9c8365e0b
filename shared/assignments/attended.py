"""What a session does to the assignments of whoever attended: completes those that are open, for a chunk of parties.
And of whoever, as an amendment says, did not attend after all: opens them again.

In two steps, because what a session earns is more than one noun's: first the rows of all of them are written, then
their events, for nobody may lock a row while holding the organization's event counter.
"""

import uuid
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from shared import events
from shared.arrays import is_one_of
from shared.assignments.actions import ENDINGS
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import these
from shared.jobs import Chunk, Job


def complete_attended(db: Session, chunk: Chunk, parties: Select[str], now: datetime) -> int:
    """Complete the parties' open assignments of the version that the job names, if they have one. Answers how many.

    parties: selects ids of parties in the chunk's range, one column. `record_attended` must follow.
    """
    job = chunk.job
    ids = parties.subquery()
    target = (
        select(Assignment.id)
        .where(
            Assignment.org_id == job.org_id,
            Assignment.course_version_id == uuid.UUID(job.request["courseVersionId"]),
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
            occurred_on=date.fromisoformat(job.request["occurredOn"]),
            completion_job_id=job.id,
            revision=Assignment.revision + 1,
        )
        .returning(Assignment.id)
        .cte("completed")
    )
    return db.scalar(select(func.count()).select_from(completed)) or 0


def record_attended(db: Session, chunk: Chunk, count: int, now: datetime) -> None:
    """Record the events of the completions just written, `count` of them."""
    job = chunk.job
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(
        Assignment.org_id == job.org_id,
        Assignment.completion_job_id == job.id,
        Assignment.course_version_id == uuid.UUID(job.request["courseVersionId"]),
        chunk.covers(Assignment.party_id),
    )
    data = {"method": CompletionMethod.SESSION} | {
        name: job.request[name] for name in ("courseId", "courseVersionId", "sessionId", "occurredOn")
    }
    data["jobId"] = str(job.id)
    events.record_each(db, job.actor, now, type="assignment.completed", count=count, of=each, data=data)


def lock_attended(db: Session, chunk: Chunk) -> None:
    """Lock what the chunk's parties have of the version, for work that locks the parties before it changes any."""
    recipients = chunk.recipients.subquery()
    theirs = (
        select(Assignment.id)
        .where(*_of_version(chunk), Assignment.party_id.in_(select(recipients.c.entity_id)))
        .order_by(Assignment.id)
        .with_for_update(key_share=True)
        .cte("theirs")
    )
    db.execute(select(func.count()).select_from(theirs))


def reopen_attended(db: Session, chunk: Chunk, party_ids: Sequence[str]) -> list[uuid.UUID]:
    """Let these parties owe again what the session that the job names had completed for them. Answers which.

    What was completed otherwise stays so; and who owes the version by another assignment already, owes it once. They
    are locked (`lock_attended`), and `record_reopened` must follow.
    """
    job, other = chunk.job, aliased(Assignment)
    by_session = exists().where(
        Job.org_id == job.org_id,
        Job.id == Assignment.completion_job_id,
        Job.request["sessionId"].astext == job.request["sessionId"],
    )
    owed = exists().where(
        other.org_id == job.org_id,
        other.course_version_id == Assignment.course_version_id,
        other.party_id == Assignment.party_id,
        other.state == AssignmentState.ASSIGNED,
    )
    completed = (
        select(Assignment.id)
        .where(
            *_of_version(chunk),
            is_one_of(Assignment.party_id, party_ids),
            Assignment.state == AssignmentState.COMPLETED,
            by_session,
            ~owed,
        )
        .distinct(Assignment.party_id)
        .order_by(Assignment.party_id, Assignment.id.desc())
    )
    ids = list(db.scalars(completed))
    values = {getattr(Assignment, name): None for name in ENDINGS} | {
        Assignment.state: AssignmentState.ASSIGNED,
        Assignment.revision: Assignment.revision + 1,
    }
    db.execute(update(Assignment).where(*these(job.org_id, ids)).values(values), execution_options=_UNSEEN)
    return ids


def record_reopened(db: Session, chunk: Chunk, ids: Sequence[uuid.UUID], now: datetime) -> None:
    """Record the events of what was just opened again."""
    job = chunk.job
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(
        *these(job.org_id, ids)
    )
    data = {name: job.request[name] for name in ("reason", "courseId", "courseVersionId", "sessionId")}
    data["jobId"] = str(job.id)
    events.record_each(db, job.actor, now, type="assignment.reopened", count=len(ids), of=each, data=data)


_UNSEEN = {"synchronize_session": False}


def _of_version(chunk: Chunk) -> tuple[ColumnElement[bool], ...]:
    """The assignments of the version that the job names, in the chunk's range."""
    return (
        Assignment.org_id == chunk.job.org_id,
        Assignment.course_version_id == uuid.UUID(chunk.job.request["courseVersionId"]),
        chunk.covers(Assignment.party_id),
    )
