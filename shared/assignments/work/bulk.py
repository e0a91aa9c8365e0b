"""Changing, moving, reopening and reminding a whole chunk of assignments in a fixed number of statements.

What a job finds in the assignments that it changes is kept (`keeping`), and `undoing` puts it back.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    case,
    cast,
    column,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import texts
from shared.assignments.deciding import Codes, Found, decide, find, outcome_of
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.older import lock_line, older_closed_by, record_reopened_older, reopen_older
from shared.assignments.queries import with_ids
from shared.assignments.reopening import REOPENED
from shared.assignments.requests import ChangeJob, RemindJob, ReopenJob
from shared.assignments.work.keeping import keep
from shared.jobs import Chunk, JobRequest, OutcomeCode, Tally, store_outcomes

_QUIET = {"synchronize_session": False}


def change_chunk(db: Session, chunk: Chunk, request: ChangeJob, now: datetime, today: date) -> Tally:
    """Change the due date or the reason of every recipient, or move it to the active version of another course."""
    ids = _ids(db, chunk)
    found = find(db, ids, chunk.job.folders, lock=True)
    codes = decide(db, request, ids, found, today)
    chosen = [one for one, code in codes.items() if code == OutcomeCode.CHANGED]
    moving = [one for one in chosen if request.course_version_id not in (None, found[one].course_version_id)]
    staying = sorted(set(chosen).difference(moving))
    moved = _move(db, chunk, request, found, moving, now)
    codes |= {one: OutcomeCode.ALREADY_ASSIGNED for one in moving if one not in moved}
    _edit(db, chunk, request, staying)
    tally = store_codes(db, chunk, request, codes)
    _record_moves(db, chunk, request, moved, now)
    _record_edits(db, chunk, request, {one: found[one] for one in staying}, now)
    return tally


def _edit(db: Session, chunk: Chunk, request: ChangeJob, ids: Sequence[uuid.UUID]) -> None:
    """Set the given values. A new due date starts the reminders again, as in `actions.edit`."""
    keep(db, chunk, ids)
    given = request.values.given()
    values: dict[Any, Any] = {getattr(Assignment, name): value for name, value in given.items()}
    values[Assignment.revision] = Assignment.revision + 1
    if "due_on" in given:
        same = Assignment.due_on.is_not_distinct_from(literal(given["due_on"], Date))
        values[Assignment.reminders] = case((same, Assignment.reminders), else_=0)
    db.execute(update(Assignment).where(*with_ids(chunk.job.org_id, ids)).values(values), execution_options=_QUIET)


def _record_edits(db: Session, chunk: Chunk, request: ChangeJob, former: Found, now: datetime) -> None:
    given = request.values.given()
    data = {"why": request.why, "jobId": str(chunk.job.id)} | as_event(given)
    formers = {one: as_event({name: getattr(row, name) for name in given}) for one, row in former.items()}
    record(db, chunk, "assignment.changed", list(former), data, now, own={"former": formers})


def _move(
    db: Session, chunk: Chunk, request: ChangeJob, found: Found, ids: Sequence[uuid.UUID], now: datetime
) -> dict[uuid.UUID, uuid.UUID]:
    """Make an assignment of the other course for each party, and close the former one. Returns the new ids by the old.

    Leaves out a party that another transaction has just assigned that version.
    """
    if not ids:
        return {}
    made = _make(db, chunk, request, [found[one] for one in ids], now)
    moved = {one: made[found[one].party_id] for one in ids if found[one].party_id in made}
    keep(db, chunk, list(moved), moved)
    actor = chunk.job.actor
    values: dict[Any, Any] = {
        Assignment.state: AssignmentState.CLOSED,
        Assignment.closed_by_type: actor.type,
        Assignment.closed_by_id: actor.id,
        Assignment.closed_at: now,
        Assignment.closure_reason: request.why,
        Assignment.reassigned_to: cast(of_each(moved), Uuid),
        Assignment.link_epoch: Assignment.link_epoch + 1,
        Assignment.revision: Assignment.revision + 1,
    }
    db.execute(update(Assignment).where(*with_ids(chunk.job.org_id, moved)).values(values), execution_options=_QUIET)
    return moved


def _make(db: Session, chunk: Chunk, request: ChangeJob, rows: Sequence[Any], now: datetime) -> dict[str, uuid.UUID]:
    """Insert the new assignments, sorted by party: see docs/locks.md. Returns their ids by party.

    Each has the due date of the former one and both reasons, unless new ones are given.
    """
    given = request.values.given()
    in_order = sorted(rows, key=lambda row: row.party_id)
    arrays = (
        texts([row.party_id for row in in_order]),
        literal([given.get("due_on", row.due_on) for row in in_order], ARRAY(Date)),
        texts([f"{given.get('reason', row.reason)} ({request.why})" for row in in_order]),
    )
    columns = column("party_id", Text), column("due_on", Date), column("reason", Text)
    each = func.unnest(*arrays).table_valued(*columns).render_derived("each")
    values: dict[Any, Any] = {
        Assignment.org_id: literal(chunk.job.org_id),
        Assignment.course_id: literal(request.values.course_id),
        Assignment.course_version_id: literal(request.course_version_id),
        Assignment.party_id: each.c.party_id,
        Assignment.reason: each.c.reason,
        Assignment.due_on: each.c.due_on,
        Assignment.assigned_by_type: literal(chunk.job.actor.type),
        Assignment.assigned_by_id: literal(chunk.job.actor.id),
        Assignment.assigned_at: literal(now),
        Assignment.job_id: literal(chunk.job.id),
    }
    inserted = (
        upsert(Assignment)
        .from_select(list(values), select(*values.values()), include_defaults=False)
        .on_conflict_do_nothing(
            index_elements=[Assignment.org_id, Assignment.course_version_id, Assignment.party_id],
            index_where=text(f"state = '{AssignmentState.ASSIGNED}'"),
        )
        .returning(Assignment.party_id, Assignment.id)
    )
    return dict(db.execute(inserted).tuples().all())


def _record_moves(
    db: Session, chunk: Chunk, request: ChangeJob, moved: Mapping[uuid.UUID, uuid.UUID], now: datetime
) -> None:
    job_id, to = str(chunk.job.id), {one: str(other) for one, other in moved.items()}
    data = {"reason": request.why, "jobId": job_id}
    record(db, chunk, "assignment.reassigned", list(moved), data, now, own={"reassignedTo": to})
    about = {"courseId": str(request.values.course_id), "courseVersionId": str(request.course_version_id)}
    came_from = {other: str(one) for one, other in moved.items()}
    own = {"reassignedFrom": came_from, "dueOn": Assignment.due_on}
    record(db, chunk, "assignment.created", list(moved.values()), about | {"jobId": job_id}, now, own=own)


def reopen_chunk(
    db: Session,
    chunk: Chunk,
    request: ReopenJob,
    now: datetime,
    today: date,
    along: Callable[[Select[uuid.UUID, str, uuid.UUID, uuid.UUID]], None],
) -> Tally:
    """Reopen every recipient, and what its completion closed of older versions.

    along: takes back what the completions earned, before any event is recorded here.
    """
    ids = _ids(db, chunk)
    lock_line(db, ids)
    found = find(db, ids, chunk.job.folders, lock=True)
    codes = decide(db, request, ids, found, today)
    chosen = [one for one, code in codes.items() if code == OutcomeCode.REOPENED]
    rows = [found[one] for one in chosen]
    line = {row.party_id for row in rows}, {row.course_id for row in rows}
    keep(db, chunk, [*chosen, *older_closed_by(db, chosen, *line)])
    values = REOPENED | {Assignment.revision: Assignment.revision + 1}
    if "due_on" in request.model_fields_set:
        values |= {Assignment.due_on: request.due_on, Assignment.reminders: 0}
    reopened = with_ids(chunk.job.org_id, chosen)
    db.execute(update(Assignment).where(*reopened).values(values), execution_options=_QUIET)
    older = reopen_older(db, chosen, *line)
    tally = store_codes(db, chunk, request, codes)
    changed = Assignment.party_id, Assignment.course_id, Assignment.course_version_id
    along(select(Assignment.id.label("assignment_id"), *changed).where(*reopened))
    data = {"reason": request.reason, "jobId": str(chunk.job.id)}
    record(db, chunk, "assignment.reopened", chosen, data, now)
    record_reopened_older(db, older, chunk.job.actor, now, data)
    return tally


def remind_chunk(db: Session, chunk: Chunk, request: RemindJob, now: datetime, today: date) -> Tally:
    """Record a reminder of every recipient that is open. It changes no assignment."""
    ids = _ids(db, chunk)
    codes = decide(db, request, ids, find(db, ids, chunk.job.folders, lock=False), today)
    tally = store_codes(db, chunk, request, codes)
    reminded = [one for one, code in codes.items() if code == OutcomeCode.REMINDED]
    own = {
        "courseId": Assignment.course_id,
        "courseVersionId": Assignment.course_version_id,
        "dueOn": Assignment.due_on,
    }
    record(db, chunk, "assignment.reminded", reminded, {"jobId": str(chunk.job.id)}, now, own=own)
    return tally


def record(
    db: Session,
    chunk: Chunk,
    type: str,
    ids: Sequence[uuid.UUID],
    data: dict[str, Any],
    now: datetime,
    own: Mapping[str, Any] | None = None,
    present: Mapping[str, Any] | None = None,
) -> None:
    """Record one event for each of these assignments. data: shared by all. own: columns, or values by assignment.

    present: columns that the event of an assignment leaves out where they are null.
    """
    pairs: list[Any] = []
    for name, value in (own or {}).items():
        pairs += [literal(name, Text), of_each(value, as_json=True) if isinstance(value, Mapping) else value]
    about: ColumnElement[Any] = func.jsonb_build_object(*pairs)
    if present:
        given = [part for name, value in present.items() for part in (literal(name, Text), value)]
        about = about.op("||")(func.jsonb_strip_nulls(func.jsonb_build_object(*given)))
    fields: list[Any] = [about.label("data")] if own or present else []
    each = select(func.concat("assignment/", Assignment.id).label("subject"), Assignment.party_id, *fields)
    of = each.where(*with_ids(chunk.job.org_id, ids))
    events.record_each(db, chunk.job.actor, now, type=type, count=len(ids), of=of, data=data)


def store_codes(db: Session, chunk: Chunk, request: JobRequest, codes: Codes) -> Tally:
    """Store the outcome of every recipient of a chunk, each an assignment."""
    outcomes = select(
        literal(chunk.job.org_id),
        literal(chunk.job.id),
        func.unnest(texts([str(one) for one in codes])),
        func.unnest(texts([outcome_of(request, code) for code in codes.values()])),
        func.unnest(texts(list(codes.values()))),
        func.unnest(
            literal(
                [None if code == OutcomeCode.ASSIGNMENT_NOT_FOUND else one for one, code in codes.items()], ARRAY(Uuid)
            )
        ),
    )
    return store_outcomes(db, outcomes)


def of_each(values: Mapping[uuid.UUID, Any], *, as_json: bool = False) -> Any:
    """The value of each assignment, by id, from one parameter: as text, or as JSON."""
    given = literal(orjson.loads(orjson.dumps({str(key): value for key, value in values.items()})), JSONB)
    return given.op("->" if as_json else "->>")(cast(Assignment.id, Text))


def as_event(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as fields of an event."""
    names = {"due_on": "dueOn", "reason": "reason"}
    return {names[name]: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _ids(db: Session, chunk: Chunk) -> list[uuid.UUID]:
    return [uuid.UUID(entity_id) for entity_id in db.scalars(chunk.recipients)]
