"""What workers do to assignments: a whole chunk of recipients in a fixed number of statements, whatever its size."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import directory, events
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import Terms, classified, completed, made_by
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk, Job, JobOutcome, Outcome, Tally


def terms(job: Job) -> Terms:
    """What a job assigns, as it was fixed at submission."""
    request = job.request
    return Terms(
        course_id=uuid.UUID(request["courseId"]),
        course_version_id=uuid.UUID(request["courseVersionId"]),
        reason=request["reason"],
        due_on=date.fromisoformat(request["dueOn"]) if request["dueOn"] else None,
        skip_completed=request["ifCompleted"] == "skip",
        scope=None if job.scope is None else frozenset(job.scope),
    )


def assign(db: Session, chunk: Chunk, now: datetime) -> Tally:
    """Assign to every recipient of the chunk that can be assigned to, say of the others why not, and record the events.

    At most one open assignment for a party and version: the unique index decides between two jobs that race,
    and the one that comes second finds the party already assigned.
    """
    wanted = terms(chunk.job)
    actor = chunk.job.actor
    created = _create(db, chunk, wanted, actor, now)
    others = {} if created == chunk.size else _say_why_not(db, chunk, wanted)
    data = {
        "courseId": str(wanted.course_id),
        "courseVersionId": str(wanted.course_version_id),
        "jobId": str(chunk.job.id),
        "dueOn": wanted.due_on.isoformat() if wanted.due_on else None,
    }
    made = made_by(chunk.job).where(chunk.covers(Assignment.party_id)).subquery()
    each = select(func.concat("assignment/", made.c.record_id).label("subject"), made.c.entity_id.label("party_id"))
    events.record_each(db, actor, now, type="assignment.created", count=created, of=each, data=data)
    return Tally(
        succeeded=created,
        unchanged=others.get(Outcome.UNCHANGED, 0),
        failed=others.get(Outcome.FAILED, 0),
    )


def _create(db: Session, chunk: Chunk, wanted: Terms, actor: Actor, now: datetime) -> int:
    """Insert the chunk's assignments, sorted by party so that two jobs lock in the same order. Answers how many."""
    recipients = chunk.recipients.subquery()
    assignable = (
        select(
            literal(chunk.job.org_id),
            literal(wanted.course_id),
            literal(wanted.course_version_id),
            Party.id,
            literal(wanted.reason),
            literal(wanted.due_on, Assignment.due_on.type),
            literal(actor.type),
            literal(actor.id),
            literal(now),
            literal(chunk.job.id),
        )
        .select_from(recipients)
        .join(Party, (Party.org_id == chunk.job.org_id) & (Party.id == recipients.c.entity_id))
        .where(chunk.covers(Party.id), Party.active, directory.in_scope(Party.id, wanted.scope))
        .order_by(Party.id)
    )
    if wanted.skip_completed:
        assignable = assignable.where(~exists(completed(wanted, Party.id)))
    inserted: Any = db.execute(
        upsert(Assignment)
        .from_select(
            [
                Assignment.org_id,
                Assignment.course_id,
                Assignment.course_version_id,
                Assignment.party_id,
                Assignment.reason,
                Assignment.due_on,
                Assignment.assigned_by_type,
                Assignment.assigned_by_id,
                Assignment.assigned_at,
                Assignment.job_id,
            ],
            assignable,
            include_defaults=False,
        )
        .on_conflict_do_nothing(
            index_elements=[Assignment.org_id, Assignment.course_version_id, Assignment.party_id],
            index_where=text(f"state = '{AssignmentState.ASSIGNED}'"),
        ),
        execution_options={"preserve_rowcount": True},
    )
    count: int = inserted.rowcount
    return count


def _say_why_not(db: Session, chunk: Chunk, wanted: Terms) -> dict[str, int]:
    """Store the outcome of every recipient that this chunk made no assignment for. Answers how many of each outcome."""
    each = classified(chunk.job.org_id, chunk.recipients, wanted).subquery()
    made = made_by(chunk.job).where(Assignment.party_id == each.c.entity_id)
    others = select(
        literal(chunk.job.org_id),
        literal(chunk.job.id),
        each.c.entity_id,
        each.c.outcome,
        each.c.code,
        each.c.record_id,
    ).where(~made.exists())
    columns = [
        JobOutcome.org_id,
        JobOutcome.job_id,
        JobOutcome.entity_id,
        JobOutcome.outcome,
        JobOutcome.code,
        JobOutcome.record_id,
    ]
    stored = insert(JobOutcome).from_select(columns, others).returning(JobOutcome.outcome).cte()
    counted = db.execute(select(stored.c.outcome, func.count()).group_by(stored.c.outcome)).tuples()
    return dict(counted.all())
