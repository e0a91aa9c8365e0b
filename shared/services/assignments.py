"""Assignments: submit, preview, list, summarize, get, edit, reassign, close. Completing one is in `completions`."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, directory, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import (
    Assignment,
    AssignmentChanges,
    AssignmentRequest,
    CreateJob,
    Filters,
    Preview,
    PreviewOutcome,
    ReassignRequest,
    Sort,
    Terms,
)
from shared.catalogue import CourseVersion
from shared.errors import Fault, InvalidInput
from shared.jobs import Accepted, Chunk, Job, Key, Kind, Tally, Undo, declare
from shared.pagination import Rows
from shared.services.submitting import named_parties, need_due_day, need_recipients, submit
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.MANAGE_ASSIGNMENTS, Permission.ADMIN)

NO_RECIPIENTS = "/folderIds", "These folders have no parties, so there are no recipients."

Shown = Row[Assignment, str, str]
"""An assignment with its party's name and its version's label."""


def _create(db: Session, chunk: Chunk, request: CreateJob, now: datetime) -> Tally:
    """Assign to the recipients of a chunk, without those who hold a licence where the request leaves them out."""
    licensed = None
    if request.if_licensed == "skip":
        licensed = licences.holders(db, request.course_id, now, chunk.covers)
    return assignments.create_chunk(db, chunk, request, now, licensed)


def _ask_again(db: Session, _: Job, request: CreateJob, now: datetime) -> None:
    """Ask what a submission asks: the course is not archived and has a published version, the due day is not past.

    That a recipient is active and in scope is asked by the work, and is the outcome of that recipient.
    """
    need_due_day(request.due_on, access.today(db, now))
    catalogue.active_version(db, request.course_id)


CREATE = declare(
    Kind(
        name="assignments.create",
        request=CreateJob,
        work=_create,
        needs=Permission.ASSIGN,
        ask_again=_ask_again,
        made=assignments.made_by,
        undo=Undo(assignments.created_by, assignments.close_created_chunk, assignments.foresee_closing_created),
    )
)


@verb(Permission.ASSIGN)
def submit_assignments(
    db: Session, caller: Caller, body: AssignmentRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that assigns a course's active version to parties. The version and the recipients are fixed now."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    version, recipients = _version_and_recipients(db, caller, body, now)
    request = CreateJob(
        course_id=body.course_id,
        course_version_id=version.id,
        version_label=version.label,
        recipients=len(body.recipients),
        folder_ids=body.folder_ids,
        **_named_inactive(db, body),
        reason=body.reason,
        due_on=body.due_on,
        notify=body.notify,
        if_completed=body.if_completed,
        **({"if_licensed": "skip"} if body.if_licensed == "skip" else {}),
    )
    accepted = submit(db, caller, CREATE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NO_RECIPIENTS)


def _named_inactive(db: Session, body: AssignmentRequest) -> dict[str, list[str]]:
    found = directory.inactive_among(db, body.recipients) if body.folder_ids and body.recipients else []
    return {"named_inactive": found} if found else {}


@verb(Permission.ASSIGN)
def preview_assignments(db: Session, caller: Caller, body: AssignmentRequest, now: datetime) -> Preview:
    """Return the outcomes that a submission of this body would have now, with up to 20 examples of each."""
    version, recipients = _version_and_recipients(db, caller, body, now)
    terms = Terms(
        course_id=version.course_id,
        course_version_id=version.id,
        reason=body.reason,
        due_on=body.due_on,
        skip_completed=body.if_completed == "skip",
        scope=caller.folders,
        licensed=licences.holders(db, version.course_id, now) if body.if_licensed == "skip" else None,
        named=body.recipients if body.folder_ids else None,
    )
    outcomes = [PreviewOutcome.model_validate(row) for row in assignments.count_outcomes(db, recipients, terms)]
    total = sum(outcome.count for outcome in outcomes)
    if total == 0:
        raise InvalidInput(Fault(*NO_RECIPIENTS))
    return Preview(course_version_id=version.id, version_label=version.label, total=total, outcomes=outcomes)


def _version_and_recipients(
    db: Session, caller: Caller, body: AssignmentRequest, now: datetime
) -> tuple[CourseVersion, Select[str]]:
    """Return the version and the recipients of a body. Raises InvalidInput, CourseNotPublished."""
    need_due_day(body.due_on, access.today(db, now))
    version = catalogue.active_version(db, body.course_id)
    return version, named_parties(db, caller, body.recipients, body.folder_ids)


@verb(*SEES)
def list_assignments(db: Session, caller: Caller, filters: Filters, sort: Sort, *, titled: bool = False) -> Rows:
    """Select the matching assignments in the caller's scope. titled: with `course_title`, the title of the version."""
    rows = assignments.list_assignments(db, filters, caller.folders, sort)
    return rows.add_columns(catalogue.title_of(Assignment)) if titled else rows


@verb(*SEES)
def summarize_assignments(
    db: Session, caller: Caller, by: Literal["course", "folder"], now: datetime
) -> list[Row[Any]]:
    """Return the counts by state and of overdue ones, for each course or each folder in scope."""
    return assignments.summarize(db, by, access.today(db, now), caller.folders)


@verb(*SEES)
def get_assignment(db: Session, caller: Caller, assignment_id: uuid.UUID) -> Shown:
    """Return one assignment in the caller's scope. Raises NotFound."""
    return assignments.get(db, assignment_id, caller.folders)


@verb(Permission.MANAGE_ASSIGNMENTS)
def edit_assignment(
    db: Session,
    caller: Caller,
    assignment_id: uuid.UUID,
    body: AssignmentChanges,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Change the due date or the reason of an open assignment. Raises NotFound, Stale, InvalidInput."""
    need_due_day(body.due_on, access.today(db, now))
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.edit(db, assignment, body.model_dump(exclude_unset=True), caller.actor, now)
    return assignments.get(db, assignment_id, caller.folders)


@verb(Permission.MANAGE_ASSIGNMENTS)
def reassign_assignment(
    db: Session,
    caller: Caller,
    assignment_id: uuid.UUID,
    body: ReassignRequest,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Close an open assignment, and make one of the same version for another party. Returns the new one.

    Asks of the new assignment what a submission asks: its course is not archived, its due date not past.
    Raises NotFound, Stale, AssignmentCompleted, AssignmentClosed, AlreadyAssigned, InvalidInput.
    """
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.need_open(assignment)
    need_due_day(assignment.due_on, access.today(db, now))
    catalogue.need_not_archived(db, assignment.course_id)
    party_id, scope = body.recipient.entity_id, caller.folders
    other_id = assignments.reassign(db, assignment, party_id, body.reason, scope=scope, actor=caller.actor, now=now)
    return assignments.get(db, other_id, scope)


@verb(Permission.MANAGE_ASSIGNMENTS)
def close_assignment(
    db: Session,
    caller: Caller,
    assignment_id: uuid.UUID,
    reason: str,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Close an open assignment. Raises NotFound, Stale, AssignmentCompleted, AssignmentClosed."""
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.close(db, assignment, reason, caller.actor, now)
    return assignments.get(db, assignment_id, caller.folders)
