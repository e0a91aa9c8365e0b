"""Changing assignments: complete, close or reopen a whole chunk in a fixed number of statements.

A made assignment is itself the record of its success. A change is not, because the next change overwrites it. So here
the outcome of every recipient is stored, also that of a success.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
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
    cast,
    column,
    exists,
    func,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.orm import Session

from shared import directory, events
from shared.arrays import texts
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.older import Newer, Older, lock_line
from shared.assignments.queries import with_ids
from shared.assignments.reopening import REOPENED, another_is_open
from shared.assignments.requests import CloseJob, CompleteJob, UndoJob
from shared.assignments.work.keeping import keep
from shared.assignments.work.targets import Targets, find_targets, targets_by_id
from shared.directory import Party
from shared.jobs import Chunk, OutcomeCode, Recipients, Tally, store_outcomes

Along = Callable[[Select[uuid.UUID, str, uuid.UUID, uuid.UUID]], None]
"""The work of another noun in the transaction of a change. Its argument selects the changed assignments as
`assignment_id, party_id, course_id, course_version_id`. They are locked, and their events are not recorded yet."""


@dataclass(frozen=True)
class Change:
    """One way of changing assignments.

    code: the outcome code of a changed assignment. allowed: the condition that an assignment may be changed. values:
    its new values. why_not: the outcome code of an assignment in scope that may not be changed. event, data: the type
    and data of the event of each changed assignment. outside: the outcome code of one outside the job's scope.
    """

    code: OutcomeCode
    allowed: ColumnElement[bool]
    values: Mapping[Any, Any]
    why_not: ColumnElement[str]
    event: str
    data: dict[str, Any]
    kept: bool = False
    outside: OutcomeCode = OutcomeCode.ASSIGNMENT_NOT_FOUND


def complete_chunk(db: Session, chunk: Chunk, request: CompleteJob, now: datetime, along: Along | None = None) -> Tally:
    """Complete every recipient's open assignment, as a supervisor's sign-off."""
    actor = chunk.job.actor
    values = {
        Assignment.state: AssignmentState.COMPLETED,
        Assignment.completion_method: CompletionMethod.ON_BEHALF,
        Assignment.completed_by_type: actor.type,
        Assignment.completed_by_id: actor.id,
        Assignment.completed_at: now,
        Assignment.occurred_on: request.occurred_on,
        Assignment.completion_note: request.note,
        Assignment.completion_job_id: chunk.job.id,
    }
    change = Change(
        code=OutcomeCode.COMPLETED,
        allowed=Assignment.state == AssignmentState.ASSIGNED,
        values=values,
        why_not=code_by_state(OutcomeCode.ALREADY_COMPLETED, OutcomeCode.ASSIGNMENT_CLOSED),
        event="assignment.completed",
        data={"method": CompletionMethod.ON_BEHALF, "occurredOn": request.occurred_on.isoformat()},
    )
    targets = find_targets(db, chunk, request)
    older = Older("close", always=request.versions == "newest")
    return change_each(db, chunk, targets, change, now, along, older)


def close_chunk(db: Session, chunk: Chunk, request: CloseJob, now: datetime) -> Tally:
    """Close every recipient's open assignment, and keep what was there for an undo."""
    change = Change(
        kept=True,
        code=OutcomeCode.CLOSED,
        allowed=Assignment.state == AssignmentState.ASSIGNED,
        values=_closed_values(chunk, request.reason, now),
        why_not=code_by_state(OutcomeCode.ALREADY_COMPLETED, OutcomeCode.ALREADY_CLOSED),
        event="assignment.closed",
        data={"reason": request.reason},
    )
    return change_each(db, chunk, targets_by_id(db, chunk), change, now)


UNTOUCHED = and_(Assignment.state == AssignmentState.ASSIGNED, Assignment.revision == 1)
"""The condition that nobody has changed an assignment since it was made."""


def still_completed_by(job_id: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that a job completed an assignment, and that it can be open again."""
    is_its = and_(Assignment.state == AssignmentState.COMPLETED, Assignment.completion_job_id == job_id)
    return and_(is_its, ~another_is_open())


def close_created_chunk(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Undo a job that made assignments: close those that were not changed since."""
    data = _undo_data(request)
    change = Change(
        code=OutcomeCode.CLOSED,
        allowed=UNTOUCHED,
        values=_closed_values(chunk, data["reason"], now),
        why_not=literal(OutcomeCode.TOUCHED_SINCE, Text),
        event="assignment.closed",
        data=data,
        outside=OutcomeCode.OUT_OF_SCOPE,
    )
    return change_each(db, chunk, targets_by_id(db, chunk), change, now)


def reopen_completed_chunk(
    db: Session, chunk: Chunk, request: UndoJob, now: datetime, along: Along | None = None
) -> Tally:
    """Undo a job that completed assignments: reopen those whose completion is still that of the job."""
    change = Change(
        code=OutcomeCode.REOPENED,
        allowed=still_completed_by(request.undo_of),
        values=REOPENED,
        why_not=literal(OutcomeCode.TOUCHED_SINCE, Text),
        event="assignment.reopened",
        data=_undo_data(request),
        outside=OutcomeCode.OUT_OF_SCOPE,
    )
    return change_each(db, chunk, targets_by_id(db, chunk), change, now, along, Older("reopen"))


def change_each(
    db: Session,
    chunk: Chunk,
    targets: Targets,
    change: Change,
    now: datetime,
    along: Along | None = None,
    older: Older | None = None,
) -> Tally:
    """Change the assignments that may be changed, and store the outcome of every recipient.

    Assignments are locked in the order of their ids, as in every job: see docs/locks.md.
    The ids go from one statement to the next as an array. In one joined statement PostgreSQL would search all
    recipients for each assignment while it has no statistics of the organization, and a chunk would take too long.
    """
    ids = _lock_changeable(db, chunk, targets, change, whole_line=older is not None)
    changed = with_ids(chunk.job.org_id, ids)
    if change.kept:
        keep(db, chunk, ids)
    values = {**change.values, Assignment.revision: Assignment.revision + 1}
    db.execute(update(Assignment).where(*changed).values(values), execution_options={"synchronize_session": False})
    tally = _store(db, chunk, targets, change, ids)
    done = older.change(db, chunk.job, _newer(db, changed), now) if older and ids else None
    if along is not None and ids:
        along(_select_changed(changed))
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id).where(*changed)
    data = change.data | {"jobId": str(chunk.job.id)}
    events.record_each(db, chunk.job.actor, now, type=change.event, count=len(ids), of=each, data=data)
    if older is not None and done is not None:
        older.record(db, chunk.job, done, data, now)
    return tally


def _lock_changeable(
    db: Session, chunk: Chunk, targets: Targets, change: Change, *, whole_line: bool
) -> set[uuid.UUID]:
    """Lock the assignments that may be changed, and return their ids. whole_line: see `lock_line`."""
    may = (change.allowed, directory.in_scope(Assignment.party_id, chunk.job.scope))
    given = [one for one in targets.by_recipient.values() if one is not None]
    if whole_line:
        lock_line(db, given)
    of_ids = with_ids(chunk.job.org_id, given)
    locked = select(Assignment.id).where(*of_ids, *may).order_by(Assignment.id).with_for_update(of=Assignment)
    return set(db.scalars(locked))


def _store(db: Session, chunk: Chunk, targets: Targets, change: Change, ids: Collection[uuid.UUID | None]) -> Tally:
    """Store the outcome of every recipient. ids: the changed assignments."""
    succeeded = {entity_id: one for entity_id, one in targets.by_recipient.items() if one in ids}
    tally = store_outcomes(db, _success_outcomes(chunk, change.code, succeeded))
    others = {entity_id: one for entity_id, one in targets.by_recipient.items() if one not in ids}
    if others:
        tally += store_outcomes(db, _other_outcomes(chunk, targets.noun, change, others))
    if targets.several:
        tally += store_outcomes(db, _several_outcomes(chunk, targets.several), detailed=True)
    return tally


def _newer(db: Session, changed: tuple[ColumnElement[bool], ...]) -> list[Newer]:
    """The changed assignments as completions of a version."""
    return [
        Newer(row.party_id, row.course_id, row.course_version_id, row.assignment_id)
        for row in db.execute(_select_changed(changed))
    ]


def _several_outcomes(chunk: Chunk, several: Mapping[str, str]) -> Select[Any]:
    """Select the outcome of each party with several open versions, with the sentence that names them."""
    rows = func.unnest(texts(several), texts(list(several.values()))).table_valued(
        column("entity_id", Text), column("detail", Text)
    )
    each = rows.render_derived("several")
    code = OutcomeCode.SEVERAL_OPEN_VERSIONS
    return select(*_job_columns(chunk), each.c.entity_id, *_outcome_columns(code), null(), each.c.detail)


def _select_changed(changed: tuple[ColumnElement[bool], ...]) -> Select[uuid.UUID, str, uuid.UUID, uuid.UUID]:
    """Select the changed assignments with the columns of `Along`."""
    return select(
        Assignment.id.label("assignment_id"),
        Assignment.party_id,
        Assignment.course_id,
        Assignment.course_version_id,
    ).where(*changed)


def _as_rows(found: Mapping[str, uuid.UUID | None]) -> TableValuedAlias:
    """The recipients with their assignments as rows, from two array parameters."""
    arrays = texts(found), literal(list(found.values()), ARRAY(Uuid))
    columns = column("entity_id", Text), column("assignment_id", Uuid)
    return func.unnest(*arrays).table_valued(*columns).render_derived("found")


def _success_outcomes(chunk: Chunk, code: OutcomeCode, succeeded: Mapping[str, uuid.UUID | None]) -> Select[Any]:
    """Select the outcome of each recipient whose assignment was changed."""
    found = _as_rows(succeeded)
    return select(*_job_columns(chunk), found.c.entity_id, *_outcome_columns(code), found.c.assignment_id)


def _other_outcomes(
    chunk: Chunk, of: Recipients, change: Change, others: Mapping[str, uuid.UUID | None]
) -> Select[Any]:
    """Select the outcome of each recipient whose assignment was not changed.

    An id that the caller gave and that is outside the job's scope is not found, as one that does not exist.
    """
    found = _as_rows(others)
    if of == "party":
        known = exists().where(Party.org_id == chunk.job.org_id, Party.id == found.c.entity_id)
        seen: ColumnElement[bool] = known & directory.in_scope(found.c.entity_id, chunk.job.scope)
        reasons = [(~seen, OutcomeCode.PARTY_NOT_FOUND), (Assignment.id.is_(None), OutcomeCode.NOT_ASSIGNED)]
    else:
        seen = directory.in_scope(Assignment.party_id, chunk.job.scope)
        reasons = [(Assignment.id.is_(None), OutcomeCode.ASSIGNMENT_NOT_FOUND), (~seen, change.outside)]
    code = case(*((when, literal(which, Text)) for when, which in reasons), else_=change.why_not)
    outcome = case(*((code == one, literal(one.outcome, Text)) for one in OutcomeCode), else_=None)
    of_found = and_(Assignment.org_id == chunk.job.org_id, Assignment.id == found.c.assignment_id)
    rows = found.outerjoin(Assignment, of_found)
    record_id = case((seen, Assignment.id), else_=cast(null(), Uuid))
    return select(*_job_columns(chunk), found.c.entity_id, outcome, code, record_id).select_from(rows)


def code_by_state(completed: OutcomeCode, closed: OutcomeCode) -> ColumnElement[str]:
    """The outcome code of an assignment that has ended, by its state."""
    return case((Assignment.state == AssignmentState.COMPLETED, literal(completed, Text)), else_=literal(closed, Text))


def _undo_data(request: UndoJob) -> dict[str, Any]:
    """The fields of an event that name the undone job."""
    return {"reason": f"Undo of job {request.undo_of}", "undoOf": str(request.undo_of)}


def _closed_values(chunk: Chunk, reason: str, now: datetime) -> dict[Any, Any]:
    actor = chunk.job.actor
    return {
        Assignment.state: AssignmentState.CLOSED,
        Assignment.closed_by_type: actor.type,
        Assignment.closed_by_id: actor.id,
        Assignment.closed_at: now,
        Assignment.closure_reason: reason,
        Assignment.link_epoch: Assignment.link_epoch + 1,
    }


def _job_columns(chunk: Chunk) -> tuple[ColumnElement[str], ColumnElement[uuid.UUID]]:
    return literal(chunk.job.org_id), literal(chunk.job.id)


def _outcome_columns(code: OutcomeCode) -> tuple[ColumnElement[str], ColumnElement[str]]:
    return literal(code.outcome, Text), literal(code, Text)
