"""A supervisor's sign-off of many assignments, as a job, and its undo."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import (
    BulkCompletionRequest,
    BulkPreview,
    CompleteJob,
    UndoJob,
)
from shared.errors import Fault, InvalidInput, NotFound
from shared.jobs import Accepted, Chunk, Job, Key, Kind, Tally, Undo, declare
from shared.services.selecting import NOTHING_MATCHES, select_assignments
from shared.services.submitting import day_it_happened, named_parties, need_recipients, submit
from shared.services.verbs import verb

Changed = Select[uuid.UUID, str, uuid.UUID, uuid.UUID]
"""Changed assignments: `assignment_id, party_id, course_id, course_version_id`."""


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
        licences.take_back_completions(db, ids, reason, chunk.job.actor, now, job_id=chunk.job.id)

    return assignments.reopen_completed_chunk(db, chunk, request, now, along=take_back)


def _ask_again(db: Session, _: Job, request: CompleteJob, _now: datetime) -> None:
    """Ask what a sign-off by course asks: the course is not archived."""
    if request.course_id is not None and request.course_version_id is None:
        catalogue.need_not_archived(db, request.course_id)


COMPLETE = declare(
    Kind(
        name="assignments.complete",
        request=CompleteJob,
        work=_complete,
        needs=Permission.COMPLETE,
        ask_again=_ask_again,
        undo=Undo(assignments.completed_by, _reopen, assignments.foresee_reopening_completed),
    )
)


@verb(Permission.COMPLETE)
def complete_assignments(
    db: Session, caller: Caller, body: BulkCompletionRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a supervisor's sign-off as a job: of named assignments, or of a course and parties."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request, recipients = _completion(db, caller, body, now)
    accepted = submit(db, caller, COMPLETE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.COMPLETE)
def preview_completion(db: Session, caller: Caller, body: BulkCompletionRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a sign-off would have now."""
    request, recipients = _completion(db, caller, body, now)
    job = Job(org_id=caller.org_id, scope=None if caller.folders is None else sorted(caller.folders))
    return BulkPreview.of(assignments.foresee_completion(db, jobs.whole(job, recipients), request))


def _completion(
    db: Session, caller: Caller, body: BulkCompletionRequest, now: datetime
) -> tuple[CompleteJob, Select[str]]:
    """Return the job's request and its recipients. Raises InvalidInput, NotFound, CourseNotPublished."""
    happened = {"occurred_on": day_it_happened(body.occurred_on, access.today(db, now)), "note": body.note}
    if body.selected is not None:
        return CompleteJob(**happened, by="assignment"), select_assignments(db, caller, body.selected, now)
    named = _named_version(db, body) | ({"versions": "newest"} if body.versions == "newest" else {})
    request = CompleteJob(**happened, by="party", course_id=body.course_id, **named)
    return request, named_parties(db, caller, body.recipients, body.folder_ids)


def _named_version(db: Session, body: BulkCompletionRequest) -> dict[str, Any]:
    """Return the version that the body names, as a field of the request; by course alone none. Raises InvalidInput."""
    assert body.course_id is not None
    if body.course_version_id is None:
        catalogue.active_version(db, body.course_id)
        return {}
    try:
        return {"course_version_id": catalogue.get_version(db, body.course_id, body.course_version_id).id}
    except NotFound:
        raise InvalidInput(Fault("/courseVersionId", "The course has no such version.")) from None
