"""What workers do to assignments that are there: complete, close or undo a whole chunk in a fixed number of statements.

A change is no record of its own, and the next one overwrites it. So unlike the making of assignments, each success
is stored as an outcome, beside those that say why not.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    case,
    column,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from shared import directory, events
from shared.arrays import texts
from shared.assignments.actions import ENDINGS
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.queries import these
from shared.directory import Party
from shared.jobs import Chunk, JobOutcome, Outcome, OutcomeCode, Tally

Along = Callable[[Select[uuid.UUID, str, uuid.UUID, uuid.UUID]], None]
"""What a noun beside this one does along with a change. It is told which assignments were changed, as a select of
`assignment_id, party_id, course_id, course_version_id`, locked, and nothing recorded of them yet."""

BY_ASSIGNMENT, BY_PARTY = "assignment", "party"
"""What a job's recipients are: ids of assignments, or of parties that have one of a given version."""


@dataclass(frozen=True)
class Change:
    """One way of changing assignments.

    allowed: which of the found assignments may be changed. values: what they become. why_not: the code of a found
    assignment that may not be changed. event, data: what is recorded for each one that was.
    """

    code: OutcomeCode
    allowed: ColumnElement[bool]
    values: Mapping[Any, Any]
    why_not: ColumnElement[str]
    event: str
    data: dict[str, Any]


def complete(db: Session, chunk: Chunk, now: datetime, along: Along | None = None) -> Tally:
    """A supervisor's sign-off: record the completion of every recipient's open assignment."""
    request, actor = chunk.job.request, chunk.job.actor
    values = {
        Assignment.state: AssignmentState.COMPLETED,
        Assignment.completion_method: CompletionMethod.ON_BEHALF,
        Assignment.completed_by_type: actor.type,
        Assignment.completed_by_id: actor.id,
        Assignment.completed_at: now,
        Assignment.occurred_on: date.fromisoformat(request["occurredOn"]),
        Assignment.completion_note: request["note"],
        Assignment.completion_job_id: chunk.job.id,
    }
    data = {"method": CompletionMethod.ON_BEHALF, "occurredOn": request["occurredOn"]}
    change = Change(
        code=OutcomeCode.COMPLETED,
        allowed=Assignment.state == AssignmentState.ASSIGNED,
        values=values,
        why_not=_ended(OutcomeCode.ALREADY_COMPLETED, OutcomeCode.ASSIGNMENT_CLOSED),
        event="assignment.completed",
        data=data,
    )
    return _carry_out(db, chunk, change, now, along)


def close(db: Session, chunk: Chunk, now: datetime) -> Tally:
    """Close every recipient's assignment that is open."""
    change = Change(
        code=OutcomeCode.CLOSED,
        allowed=Assignment.state == AssignmentState.ASSIGNED,
        values=_closing(chunk, chunk.job.request["reason"], now),
        why_not=_ended(OutcomeCode.ALREADY_COMPLETED, OutcomeCode.ALREADY_CLOSED),
        event="assignment.closed",
        data={"reason": chunk.job.request["reason"]},
    )
    return _carry_out(db, chunk, change, now)


def undo(db: Session, chunk: Chunk, now: datetime, along: Along | None = None) -> Tally:
    """Take a job back: close what it made, or reopen what it completed, where nobody has touched it since.

    along: what is done with those that were reopened.
    """
    request = chunk.job.request
    reason = f"Undo of job {request['undoOf']}"
    if request["undoKind"] == "assignments.create":
        code, event, values = OutcomeCode.CLOSED, "assignment.closed", _closing(chunk, reason, now)
        untouched = and_(Assignment.state == AssignmentState.ASSIGNED, Assignment.revision == 1)
    else:
        code, event = OutcomeCode.REOPENED, "assignment.reopened"
        values = {getattr(Assignment, name): None for name in ENDINGS} | {Assignment.state: AssignmentState.ASSIGNED}
        other = aliased(Assignment)
        assigned_anew = exists().where(
            other.org_id == Assignment.org_id,
            other.course_version_id == Assignment.course_version_id,
            other.party_id == Assignment.party_id,
            other.state == AssignmentState.ASSIGNED,
        )
        untouched = and_(
            Assignment.state == AssignmentState.COMPLETED,
            Assignment.completion_job_id == uuid.UUID(request["undoOf"]),
            ~assigned_anew,
        )
    data = {"reason": reason, "undoOf": request["undoOf"]}
    why_not = literal(OutcomeCode.TOUCHED_SINCE, Text)
    change = Change(code=code, allowed=untouched, values=values, why_not=why_not, event=event, data=data)
    return _carry_out(db, chunk, change, now, along if code is OutcomeCode.REOPENED else None)


def _carry_out(db: Session, chunk: Chunk, change: Change, now: datetime, along: Along | None = None) -> Tally:
    """Change what may be changed, sorted by id so that two jobs lock in the same order; say of the others why not.

    What one statement has found goes to the next as an array: joined in one, PostgreSQL looks all recipients up anew
    for each assignment as long as it has no statistics of the organization, and a chunk takes longer than it may.
    """
    found = _found(db, chunk)
    may = (change.allowed, directory.in_scope(Assignment.party_id, chunk.job.scope))
    of_ids = these(chunk.job.org_id, [one for one in found.values() if one is not None])
    locked = select(Assignment.id).where(*of_ids, *may).order_by(Assignment.id).with_for_update(of=Assignment)
    ids = set(db.scalars(locked))
    changed = these(chunk.job.org_id, ids)
    values = {**change.values, Assignment.revision: Assignment.revision + 1}
    db.execute(update(Assignment).where(*changed).values(values), execution_options={"synchronize_session": False})
    succeeded = {entity_id: one for entity_id, one in found.items() if one in ids}
    _store(db, _succeeded(chunk, change.code, succeeded))
    others = {entity_id: one for entity_id, one in found.items() if one not in ids}
    unchanged = _store(db, _why_not(chunk, change, others)) if others else {}
    if along is not None and ids:
        along(_told(changed))
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(*changed)
    data = change.data | {"jobId": str(chunk.job.id)}
    events.record_each(db, chunk.job.actor, now, type=change.event, count=len(ids), of=each, data=data)
    return Tally(
        succeeded=len(succeeded),
        unchanged=unchanged.get(Outcome.UNCHANGED, 0),
        failed=unchanged.get(Outcome.FAILED, 0),
    )


def _told(changed: tuple[ColumnElement[bool], ...]) -> Select[uuid.UUID, str, uuid.UUID, uuid.UUID]:
    """The assignments that were changed, as `Along` is told of them."""
    return select(
        Assignment.id.label("assignment_id"),
        Assignment.party_id,
        Assignment.course_id,
        Assignment.course_version_id,
    ).where(*changed)


def _found(db: Session, chunk: Chunk) -> dict[str, uuid.UUID | None]:
    """The assignment that each recipient means, if there is one.

    By party it is the open assignment of the version, else the one that was made last.
    """
    recipients = db.scalars(chunk.recipients)
    if chunk.job.request["by"] == BY_ASSIGNMENT:
        return {entity_id: uuid.UUID(entity_id) for entity_id in recipients}
    of_parties = (
        select(Assignment.party_id, Assignment.id)
        .distinct(Assignment.party_id)
        .where(
            Assignment.org_id == chunk.job.org_id,
            Assignment.course_version_id == uuid.UUID(chunk.job.request["courseVersionId"]),
            chunk.covers(Assignment.party_id),
        )
        .order_by(Assignment.party_id, (Assignment.state == AssignmentState.ASSIGNED).desc(), Assignment.id.desc())
    )
    latest = dict(db.execute(of_parties).tuples().all())
    return {party_id: latest.get(party_id) for party_id in recipients}


def _rows(found: Mapping[str, uuid.UUID | None]) -> TableValuedAlias:
    """What was found, as rows."""
    arrays = texts(found), literal(list(found.values()), ARRAY(Uuid))
    columns = column("entity_id", Text), column("assignment_id", Uuid)
    return func.unnest(*arrays).table_valued(*columns).render_derived("found")


def _succeeded(chunk: Chunk, code: OutcomeCode, succeeded: Mapping[str, uuid.UUID]) -> Select[Any]:
    """The outcome of each recipient whose assignment was changed."""
    found = _rows(succeeded)
    return select(*_key(chunk), found.c.entity_id, *_meaning(code), found.c.assignment_id)


def _why_not(chunk: Chunk, change: Change, others: Mapping[str, uuid.UUID | None]) -> Select[Any]:
    """The outcome of each recipient whose assignment was not changed."""
    found = _rows(others)
    by_party = chunk.job.request["by"] == BY_PARTY
    absent = OutcomeCode.NOT_ASSIGNED if by_party else OutcomeCode.ASSIGNMENT_NOT_FOUND
    party_id = found.c.entity_id if by_party else Assignment.party_id
    in_scope = directory.in_scope(party_id, chunk.job.scope)
    reasons = [(~in_scope, OutcomeCode.OUT_OF_SCOPE), (Assignment.id.is_(None), absent)]
    if by_party:
        unknown = ~exists().where(Party.org_id == chunk.job.org_id, Party.id == found.c.entity_id)
        reasons.insert(0, (unknown, OutcomeCode.PARTY_NOT_FOUND))
    else:
        reasons.reverse()
    code = case(*((when, literal(which, Text)) for when, which in reasons), else_=change.why_not)
    outcome = case(*((code == one, literal(one.outcome, Text)) for one in OutcomeCode), else_=None)
    of_found = and_(Assignment.org_id == chunk.job.org_id, Assignment.id == found.c.assignment_id)
    rows = found.outerjoin(Assignment, of_found)
    return select(*_key(chunk), found.c.entity_id, outcome, code, Assignment.id).select_from(rows)


def _store(db: Session, outcomes: Select[Any]) -> dict[str, int]:
    """Store outcomes, and count them."""
    columns = [
        JobOutcome.org_id,
        JobOutcome.job_id,
        JobOutcome.entity_id,
        JobOutcome.outcome,
        JobOutcome.code,
        JobOutcome.record_id,
    ]
    stored = insert(JobOutcome).from_select(columns, outcomes).returning(JobOutcome.outcome).cte("stored")
    counted = db.execute(select(stored.c.outcome, func.count()).group_by(stored.c.outcome)).tuples()
    return dict(counted.all())


def _ended(completed: OutcomeCode, closed: OutcomeCode) -> ColumnElement[str]:
    return case((Assignment.state == AssignmentState.COMPLETED, literal(completed, Text)), else_=literal(closed, Text))


def _closing(chunk: Chunk, reason: str, now: datetime) -> dict[Any, Any]:
    actor = chunk.job.actor
    return {
        Assignment.state: AssignmentState.CLOSED,
        Assignment.closed_by_type: actor.type,
        Assignment.closed_by_id: actor.id,
        Assignment.closed_at: now,
        Assignment.closure_reason: reason,
        Assignment.link_epoch: Assignment.link_epoch + 1,
    }


def _key(chunk: Chunk) -> tuple[ColumnElement[str], ColumnElement[uuid.UUID]]:
    return literal(chunk.job.org_id), literal(chunk.job.id)


def _meaning(code: OutcomeCode) -> tuple[ColumnElement[str], ColumnElement[str]]:
    return literal(code.outcome, Text), literal(code, Text)
