"""Putting back what a job found in the assignments that it closed, changed, moved or reopened.

An assignment whose revision is not that of the job any more was touched since, and stays as it is.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlalchemy.orm import Session

from shared.assignments.deciding import Codes, Found, find, open_pairs
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.older import lock_line
from shared.assignments.queries import with_ids
from shared.assignments.requests import UndoJob
from shared.assignments.work.bulk import record, store_codes
from shared.assignments.work.keeping import kept, kept_of_older, put_back
from shared.jobs import Chunk, Outcome, OutcomeCode, Tally

Completed = Callable[[Collection[uuid.UUID]], None]
"""Gives back what the completions of these assignments had earned, before any event is recorded here."""


def put_back_chunk(
    db: Session, chunk: Chunk, request: UndoJob, now: datetime, completed: Completed | None = None
) -> Tally:
    """Give every recipient the values that the undone job found, unless somebody has touched it since."""
    ids = [uuid.UUID(entity_id) for entity_id in db.scalars(chunk.recipients)]
    lock_line(db, ids)
    changes, moved, found, codes = decide_putting_back(db, request.undo_of, ids, chunk.job.folders, lock=True)
    back = [one for one, code in codes.items() if code.outcome is Outcome.SUCCEEDED]
    withdrawn = [moved[one] for one in back if one in moved]
    reason = f"Undo of job {request.undo_of}"
    _withdraw(db, chunk, withdrawn, reason, now)
    older = _untouched_older(db, request, back)
    put_back(db, {one: changes[one].former for one in back} | {one: row.former for one, row in older.items()})
    tally = store_codes(db, chunk, request, codes)
    again = [one for one in back if changes[one].former["state"] == AssignmentState.COMPLETED]
    if completed is not None and again:
        completed(again)
    data = {"jobId": str(chunk.job.id), "undoOf": str(request.undo_of)}
    record(db, chunk, "assignment.closed", withdrawn, data | {"reason": reason}, now)
    formers = {one: changes[one].former for one in back} | {one: row.former for one, row in older.items()}
    _record(db, chunk, found, formers, data | {"why": reason}, now)
    return tally


class PuttingBack(NamedTuple):
    """The decision about each assignment. changes: what the job kept, by assignment. moved: what a move made of it."""

    changes: Mapping[uuid.UUID, Any]
    moved: Mapping[uuid.UUID, uuid.UUID]
    found: Found
    codes: Codes


def decide_putting_back(
    db: Session, undo_of: uuid.UUID, ids: Collection[uuid.UUID], scope: Collection[str] | None, *, lock: bool
) -> PuttingBack:
    """Decide for each assignment if the values that a job found there are put back."""
    changes = kept(db, undo_of, ids)
    moved = {one: change.moved_to for one, change in changes.items() if change.moved_to is not None}
    found = find(db, [*ids, *moved.values()], scope, lock=lock)
    return PuttingBack(changes, moved, found, _decide(db, ids, found, changes, moved))


def _decide(
    db: Session, ids: Collection[uuid.UUID], found: Found, changes: Mapping[uuid.UUID, Any], moved: Mapping[Any, Any]
) -> Codes:
    taken = open_pairs(db, found, {row.course_version_id for row in found.values()})
    codes: Codes = {}
    for one in ids:
        row, change = found.get(one), changes.get(one)
        codes[one] = OutcomeCode.TOUCHED_SINCE
        if row is not None and not row.in_scope:
            codes[one] = OutcomeCode.OUT_OF_SCOPE
            continue
        if row is None or change is None or row.revision != change.revision:
            continue
        other = found.get(moved[one]) if one in moved else None
        if one in moved and (other is None or (other.revision, other.state) != (1, AssignmentState.ASSIGNED)):
            continue
        opens = row.state != AssignmentState.ASSIGNED and change.former["state"] == AssignmentState.ASSIGNED
        if opens and (row.party_id, row.course_version_id) in taken:
            continue
        codes[one] = OutcomeCode.REOPENED if opens else OutcomeCode.PUT_BACK
    return codes


def _withdraw(db: Session, chunk: Chunk, ids: Collection[uuid.UUID], reason: str, now: datetime) -> None:
    """Close the assignments that a move had made."""
    values: dict[Any, Any] = {
        Assignment.state: AssignmentState.CLOSED,
        Assignment.closed_by_type: chunk.job.actor.type,
        Assignment.closed_by_id: chunk.job.actor.id,
        Assignment.closed_at: now,
        Assignment.closure_reason: reason,
        Assignment.link_epoch: Assignment.link_epoch + 1,
        Assignment.revision: Assignment.revision + 1,
    }
    if ids:
        closed = update(Assignment).where(*with_ids(chunk.job.org_id, ids)).values(values)
        db.execute(closed, execution_options={"synchronize_session": False})


def _untouched_older(db: Session, request: UndoJob, back: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Return the rows that the job kept of older versions which it reopened along, if nobody has touched them since."""
    older = kept_of_older(db, request.undo_of, back)
    if not older:
        return {}
    found = find(db, list(older), None, lock=False)
    return {one: row for one, row in older.items() if one in found and found[one].revision == row.revision}


def _record(
    db: Session,
    chunk: Chunk,
    found: Found,
    formers: Mapping[uuid.UUID, Mapping[str, Any]],
    data: dict[str, Any],
    now: datetime,
) -> None:
    """Record what became of each assignment, by the state that it has again and the one that it had."""
    by: dict[str, list[uuid.UUID]] = {"changed": [], "reopened": [], "completed": [], "closed": []}
    for one, kept_then in formers.items():
        state = kept_then["state"]
        was_open = one not in found or found[one].state == AssignmentState.ASSIGNED
        by["changed" if was_open and state == "assigned" else "reopened" if state == "assigned" else state].append(one)
    why = {"reason": data["why"], "jobId": data["jobId"], "undoOf": data["undoOf"]}
    short = {"jobId": data["jobId"], "undoOf": data["undoOf"]}
    values = {
        one: {
            "dueOn": None if found[one].due_on is None else found[one].due_on.isoformat(),
            "reason": found[one].reason,
        }
        for one in by["changed"]
    }
    own: dict[str, Any] = {"dueOn": Assignment.due_on, "reason": Assignment.reason, "former": values}
    record(db, chunk, "assignment.changed", by["changed"], data, now, own=own)
    record(db, chunk, "assignment.reopened", by["reopened"], why, now)
    own = {"method": Assignment.completion_method, "occurredOn": Assignment.occurred_on}
    present = {"publicSessionId": Assignment.public_session_id, "linkMintedBy": Assignment.link_minted_by}
    record(db, chunk, "assignment.completed", by["completed"], short, now, own=own, present=present)
    record(db, chunk, "assignment.closed", by["closed"], short, now, own={"reason": Assignment.closure_reason})
