"""Changing many assignments at once, as jobs: a supervisor's sign-off, closing, and undoing a completion."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, directory, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import (
    AssignmentState,
    BulkCloseRequest,
    BulkCompletionRequest,
    CloseJob,
    CompleteJob,
    Filters,
    UndoJob,
)
from shared.errors import Fault, InvalidInput, NotFound
from shared.jobs import Accepted, Chunk, Key, Kind, Tally, Undo, declare
from shared.services.sights import need_seen, sight_of
from shared.services.submitting import day_it_happened, named_parties, need_recipients, submit
from shared.services.verbs import verb

Changed = Select[uuid.UUID, str, uuid.UUID, uuid.UUID]
"""Changed assignments: `assignment_id, party_id, course_id, course_version_id`."""

NOTHING_MATCHES = "", "Nothing matches, so there is nothing to do."


def _complete(db: Session, chunk: Chunk, request: CompleteJob, now: datetime) -> Tally:
    """Complete the assignments of a chunk's recipients, and grant licences of courses that license on completion."""

    def grant(completed: Changed) -> None:
        day = request.occurred_on
        licences.grant_on_completion(db, completed, chunk.job.actor, now, occurred_on=day, job_id=chunk.job.id)

    return assignments.complete_chunk(db, chunk, request, now, along=grant)


def _reopen(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Reopen the assignments that a job completed, and take back the licences that these completions earned."""

    def take_back(reopened: Changed) -> None:
        ids = reopened.with_only_columns(reopened.selected_columns.assignment_id)
        reason = f"Completion undone: job {request.undo_of} was taken back"
        licences.take_back_completions(db, ids, reason, chunk.job.actor, now)

    return assignments.reopen_completed_chunk(db, chunk, request, now, along=take_back)


COMPLETE = declare(
    Kind(
        name="assignments.complete",
        request=CompleteJob,
        work=_complete,
        needs=Permission.COMPLETE,
        undo=Undo(assignments.completed_by, _reopen),
    )
)

CLOSE = declare(
    Kind(
        name="assignments.close",
        request=CloseJob,
        work=assignments.close_chunk,
        needs=Permission.MANAGE_ASSIGNMENTS,
    )
)


@verb(Permission.COMPLETE)
def complete_assignments(
    db: Session, caller: Caller, body: BulkCompletionRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a supervisor's sign-off as a job: of named assignments, or of a course and parties."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    happened = {"occurred_on": day_it_happened(body.occurred_on, access.today(db, now)), "note": body.note}
    if body.assignment_ids is not None:
        request = CompleteJob(**happened, by="assignment")
        recipients = _as_recipients(body.assignment_ids)
    else:
        version_id = _named_version(db, body)
        request = CompleteJob(**happened, by="party", course_id=body.course_id, course_version_id=version_id)
        recipients = named_parties(db, caller, body.recipients, body.folder_ids)
    accepted = submit(db, caller, COMPLETE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.MANAGE_ASSIGNMENTS)
def close_assignments(
    db: Session, caller: Caller, body: BulkCloseRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit the closing of open assignments as a job: named ones, those of a job, or those that match a filter now."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request = CloseJob(by="assignment", reason=body.reason)
    recipients = _open_assignments(db, caller, body, now)
    accepted = submit(db, caller, CLOSE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


def _open_assignments(db: Session, caller: Caller, body: BulkCloseRequest, now: datetime) -> Select[str]:
    """Select the assignments that a request names, as a job's recipients. Raises NotFound for an unknown job."""
    if body.assignment_ids is not None:
        return _as_recipients(body.assignment_ids)
    today = access.today(db, now)
    if body.job_id is not None:
        need_seen(db, sight_of(caller), body.job_id)
        filters = Filters(today, job_id=body.job_id, state=AssignmentState.ASSIGNED)
    else:
        given = body.filter.model_dump(exclude_none=True) if body.filter else {}
        filters = Filters(today, state=AssignmentState.ASSIGNED, **given)
    return assignments.select_recipients(db, filters, caller.folders)


def _as_recipients(assignment_ids: Iterable[uuid.UUID]) -> Select[str]:
    return directory.recipients(party_ids={str(assignment_id) for assignment_id in assignment_ids}, folder_ids=[])


def _named_version(db: Session, body: BulkCompletionRequest) -> uuid.UUID:
    """Return the id of the version that the body names, else of the active one. Raises InvalidInput."""
    assert body.course_id is not None
    if body.course_version_id is None:
        return catalogue.active_version(db, body.course_id).id
    try:
        return catalogue.get_version(db, body.course_id, body.course_version_id).id
    except NotFound:
        raise InvalidInput(Fault("/courseVersionId", "The course has no such version.")) from None
