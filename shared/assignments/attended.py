"""What a completed session does to the assignments of whoever attended: completes those that are open, for a chunk.

In two steps, because what a session earns is more than one noun's: first the rows of all of them are written, then
their events, for nobody may lock a row while holding the organization's event counter.
"""

import uuid
from datetime import date, datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.jobs import Chunk


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
