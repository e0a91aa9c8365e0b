"""Making assignments: a whole chunk of recipients in a fixed number of statements, independent of its size."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import directory, events
from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.preview import Terms, classify_recipients
from shared.assignments.queries import made_by
from shared.assignments.requests import CreateJob
from shared.directory import Party
from shared.events import Actor
from shared.jobs import Chunk, Tally, store_outcomes


def create_chunk(
    db: Session, chunk: Chunk, request: CreateJob, now: datetime, licensed: Select[str] | None = None
) -> Tally:
    """Make an assignment for every recipient that can have one, store the outcomes of the others, record the events.

    If two jobs race to assign the same version to a party, the unique index of open assignments lets one win. The other
    stores the outcome `already-assigned`. licensed: as in `Terms`.
    """
    terms = Terms.of(request, chunk.job.folders, licensed)
    actor = chunk.job.actor
    created = _create(db, chunk, terms, actor, now)
    others = Tally() if created == chunk.size else store_outcomes(db, _others(chunk, terms))
    data = {
        "courseId": str(terms.course_id),
        "courseVersionId": str(terms.course_version_id),
        "jobId": str(chunk.job.id),
        "dueOn": terms.due_on.isoformat() if terms.due_on else None,
    }
    made = made_by(chunk.job).where(chunk.covers(Assignment.party_id)).subquery()
    each = select(func.concat("assignment/", made.c.record_id).label("subject"), made.c.entity_id.label("party_id"))
    events.record_each(db, actor, now, type="assignment.created", count=created, of=each, data=data)
    return Tally(succeeded=created) + others


def _create(db: Session, chunk: Chunk, terms: Terms, actor: Actor, now: datetime) -> int:
    """Insert the chunk's assignments, sorted by party: see docs/locks.md. Returns their number."""
    values: dict[Any, Any] = {
        Assignment.org_id: literal(chunk.job.org_id),
        Assignment.course_id: literal(terms.course_id),
        Assignment.course_version_id: literal(terms.course_version_id),
        Assignment.party_id: Party.id,
        Assignment.reason: literal(terms.reason),
        Assignment.due_on: literal(terms.due_on, Assignment.due_on.type),
        Assignment.assigned_by_type: literal(actor.type),
        Assignment.assigned_by_id: literal(actor.id),
        Assignment.assigned_at: literal(now),
        Assignment.job_id: literal(chunk.job.id),
    }
    inserted: Any = db.execute(
        upsert(Assignment)
        .from_select(list(values), _assignable(db, chunk, terms, values.values()), include_defaults=False)
        .on_conflict_do_nothing(
            index_elements=[Assignment.org_id, Assignment.course_version_id, Assignment.party_id],
            index_where=text(f"state = '{AssignmentState.ASSIGNED}'"),
        ),
        execution_options={"preserve_rowcount": True},
    )
    return int(inserted.rowcount)


def _assignable(db: Session, chunk: Chunk, terms: Terms, values: Iterable[Any]) -> Select[Any]:
    """Select the values of an assignment for every recipient that can have one, apart from an open one.

    Parties that are left out are passed as an array: see `shared.arrays.is_one_of`.
    """
    recipients = chunk.recipients.subquery()
    assignable = (
        select(*values)
        .select_from(recipients)
        .join(Party, (Party.org_id == chunk.job.org_id) & (Party.id == recipients.c.entity_id))
        .where(chunk.covers(Party.id), Party.active, directory.in_scope(Party.id, terms.scope))
        .order_by(Party.id)
    )
    if terms.skip_completed:
        done = select(Assignment.party_id).where(
            Assignment.org_id == chunk.job.org_id,
            Assignment.course_version_id == terms.course_version_id,
            Assignment.state == AssignmentState.COMPLETED,
            chunk.covers(Assignment.party_id),
        )
        assignable = assignable.where(~is_one_of(Party.id, db.scalars(done).all()))
    if terms.licensed is not None:
        assignable = assignable.where(~is_one_of(Party.id, db.scalars(terms.licensed).all()))
    return assignable


def _others(chunk: Chunk, terms: Terms) -> Select[Any]:
    """Select the outcome of every recipient for which this chunk made no assignment."""
    each = classify_recipients(chunk.job.org_id, chunk.recipients, terms).subquery()
    made = made_by(chunk.job).where(Assignment.party_id == each.c.entity_id)
    found = each.c.entity_id, each.c.outcome, each.c.code, each.c.record_id
    return select(literal(chunk.job.org_id), literal(chunk.job.id), *found).where(~made.exists())
