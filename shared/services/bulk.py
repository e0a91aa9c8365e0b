"""Bulk acts on a selection of assignments, as jobs: change, close, reopen, remind; and previews.

A preview and the job's chunk decide by the same function (`assignments.decide`), so they cannot differ.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import (
    AssignmentState,
    BulkChangeRequest,
    BulkCloseRequest,
    BulkPreview,
    BulkReopenRequest,
    BulkRequest,
    ChangedValues,
    ChangeJob,
    CloseJob,
    PreviewOutcome,
    RemindJob,
    RemindRequest,
    ReopenJob,
    UndoJob,
)
from shared.jobs import Accepted, Chunk, Job, Key, Kind, Tally, Undo, declare
from shared.services.assignment_changes import Changed
from shared.services.selecting import NOTHING_MATCHES, select_assignments
from shared.services.submitting import need_due_day, need_recipients, submit
from shared.services.verbs import verb

ENDED = frozenset({AssignmentState.COMPLETED, AssignmentState.CLOSED})


def _change(db: Session, chunk: Chunk, request: ChangeJob, now: datetime) -> Tally:
    return assignments.change_chunk(db, chunk, request, now, access.today(db, now))


def _remind(db: Session, chunk: Chunk, request: RemindJob, now: datetime) -> Tally:
    return assignments.remind_chunk(db, chunk, request, now, access.today(db, now))


def _reopen(db: Session, chunk: Chunk, request: ReopenJob, now: datetime) -> Tally:
    """Reopen the assignments of a chunk, and take back the licences that their completions earned."""

    def take_back(reopened: Changed) -> None:
        ids = reopened.with_only_columns(reopened.selected_columns.assignment_id)
        reason = f"Completion taken back: {request.reason}"
        licences.take_back_completions(db, ids, reason, chunk.job.actor, now, job_id=chunk.job.id)

    return assignments.reopen_chunk(db, chunk, request, now, access.today(db, now), take_back)


def _put_back(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    """Put back what a job found in its assignments, and grant again what their completions had earned."""

    def completed(ids: Collection[uuid.UUID]) -> None:
        licences.grant_again(db, request.undo_of, ids, chunk.job.actor, now, job_id=chunk.job.id)

    return assignments.put_back_chunk(db, chunk, request, now, completed)


def _ask_change_again(db: Session, _: Job, request: ChangeJob, now: datetime) -> None:
    need_due_day(request.values.due_on, access.today(db, now), "/set/dueOn")
    if request.values.course_id is not None:
        catalogue.active_version(db, request.values.course_id, pointer="/set/courseId")


def _ask_reopening_again(db: Session, _: Job, request: ReopenJob, now: datetime) -> None:
    need_due_day(request.due_on, access.today(db, now))


UNDO = Undo(assignments.completed_by, _put_back, assignments.foresee_putting_back)

MANAGES = Permission.MANAGE_ASSIGNMENTS

CHANGE = declare(
    Kind(
        name="assignments.change",
        request=ChangeJob,
        work=_change,
        needs=MANAGES,
        ask_again=_ask_change_again,
        undo=UNDO,
    )
)
REOPEN = declare(
    Kind(
        name="assignments.reopen",
        request=ReopenJob,
        work=_reopen,
        needs=MANAGES,
        ask_again=_ask_reopening_again,
        undo=UNDO,
    )
)
REMIND = declare(Kind(name="assignments.remind", request=RemindJob, work=_remind, needs=Permission.ASSIGN))
CLOSE = declare(
    Kind(name="assignments.close", request=CloseJob, work=assignments.close_chunk, needs=MANAGES, undo=UNDO)
)


def _selected(body: BulkRequest) -> dict[str, Any]:
    return {"by": "assignment"} | ({} if body.assignment_ids is not None else {"named": False})


def _change_request(db: Session, body: BulkChangeRequest, now: datetime) -> ChangeJob:
    """Return the job's request, with the version that is active now. Raises InvalidInput, CourseNotPublished."""
    need_due_day(body.values.due_on, access.today(db, now), "/set/dueOn")
    values = ChangedValues(**body.values.model_dump(exclude_unset=True))
    if body.values.course_id is None:
        return ChangeJob(**_selected(body), values=values, why=body.why)
    version = catalogue.active_version(db, body.values.course_id, pointer="/set/courseId")
    return ChangeJob(
        **_selected(body), values=values, why=body.why, course_version_id=version.id, version_label=version.label
    )


def _reopen_request(db: Session, body: BulkReopenRequest, now: datetime) -> ReopenJob:
    need_due_day(body.due_on, access.today(db, now))
    given = {"due_on": body.due_on} if "due_on" in body.model_fields_set else {}
    return ReopenJob(**_selected(body), reason=body.reason, **given)


@verb(Permission.MANAGE_ASSIGNMENTS)
def change_assignments(
    db: Session, caller: Caller, body: BulkChangeRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that changes the due date, the reason or the course of open assignments."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request, recipients = _change_request(db, body, now), select_assignments(db, caller, body, now)
    accepted = submit(db, caller, CHANGE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.MANAGE_ASSIGNMENTS)
def preview_change(db: Session, caller: Caller, body: BulkChangeRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a change would have now."""
    request = _change_request(db, body, now)
    return _preview(db, caller, request, select_assignments(db, caller, body, now), now)


@verb(Permission.MANAGE_ASSIGNMENTS)
def reopen_assignments(
    db: Session, caller: Caller, body: BulkReopenRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that reopens assignments and takes back the licences that their completions earned."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request, recipients = _reopen_request(db, body, now), select_assignments(db, caller, body, now, ENDED)
    accepted = submit(db, caller, REOPEN, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.MANAGE_ASSIGNMENTS)
def preview_reopening(db: Session, caller: Caller, body: BulkReopenRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a reopening would have now."""
    request = _reopen_request(db, body, now)
    return _preview(db, caller, request, select_assignments(db, caller, body, now, ENDED), now)


@verb(Permission.MANAGE_ASSIGNMENTS)
def close_assignments(
    db: Session, caller: Caller, body: BulkCloseRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit the closing of open assignments as a job: named ones, those of a job, or those that match a filter now."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request = CloseJob(by="assignment", reason=body.reason)
    recipients = select_assignments(db, caller, body, now)
    accepted = submit(db, caller, CLOSE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.MANAGE_ASSIGNMENTS)
def preview_closing(db: Session, caller: Caller, body: BulkCloseRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a closing would have now."""
    request = CloseJob(by="assignment", reason=body.reason)
    return _preview(db, caller, request, select_assignments(db, caller, body, now), now)


@verb(Permission.ASSIGN)
def remind_parties(
    db: Session, caller: Caller, body: RemindRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that reminds the parties of open assignments."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request, recipients = RemindJob(**_selected(body)), select_assignments(db, caller, body, now)
    accepted = submit(db, caller, REMIND, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.ASSIGN)
def preview_reminding(db: Session, caller: Caller, body: RemindRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a reminder would have now."""
    return _preview(db, caller, RemindJob(**_selected(body)), select_assignments(db, caller, body, now), now)


def _preview(
    db: Session,
    caller: Caller,
    request: assignments.Decided,
    recipients: Select[str],
    now: datetime,
) -> BulkPreview:
    ids = [uuid.UUID(one) for one in db.scalars(recipients)]
    found = assignments.find(db, ids, caller.folders, lock=False)
    codes = assignments.decide(db, request, ids, found, access.today(db, now))
    outcomes = [PreviewOutcome.model_validate(row) for row in assignments.count_codes(request, codes, found)]
    return BulkPreview(total=len(ids), outcomes=outcomes)
