"""Completing one assignment, by every method but a job, and reopening one. Joins assignments and licences.

If the course licenses on completion, the licence is granted before the completion's event is recorded, because licences
are locked before the event counter: see docs/locks.md.
"""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, clock, licences
from shared.access import Caller, Permission
from shared.assignments import (
    Assignment,
    AssignmentState,
    Completion,
    CompletionMethod,
    CompletionRequest,
    Newer,
    ReopenRequest,
    SessionTaskRequest,
)
from shared.errors import Fault, InvalidInput
from shared.events import Actor
from shared.services.assignments import Shown
from shared.services.submitting import day_it_happened, need_due_day
from shared.services.verbs import verb

CLOCKS_APART = timedelta(minutes=1)
"""The tolerance for a Public Sessions system whose clock is ahead. Later times are refused as lying in the future."""


@verb()
def complete_assignment(
    db: Session,
    caller: Caller,
    assignment_id: uuid.UUID,
    body: CompletionRequest,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Complete one assignment. Raises PermissionDenied, NotFound, Stale, InvalidInput and as `complete_locked`.

    The member who represents the party needs no permission, another caller `training.complete` in scope.
    """
    own = caller.party_id is not None and assignments.party_of(db, assignment_id) == caller.party_id
    if not own:
        caller.need(Permission.COMPLETE)
    scope = None if own else caller.folders
    assignments.lock_line(db, [assignment_id])
    method = CompletionMethod.SELF if own else CompletionMethod.ON_BEHALF
    assignment = assignments.locked(db, assignment_id, scope, expected=expected)
    day = day_it_happened(body.occurred_on, access.today(db, now))
    complete_locked(db, assignment, Completion(method, caller.actor, day, body.note), now)
    return assignments.get(db, assignment_id, scope)


@verb(Permission.COMPLETE_SESSION_TASKS)
def complete_session_task(db: Session, caller: Caller, body: SessionTaskRequest, now: datetime) -> Shown:
    """Complete an assignment as its party, on the report of a Public Sessions system.

    Does nothing if the same session has completed it already.
    Raises NotFound, AssignmentCompleted, AssignmentClosed, InvalidInput.
    """
    completed_at = body.completed_at or now
    if completed_at > now + CLOCKS_APART:
        raise InvalidInput(Fault("/completedAt", "The task may not be completed in the future."))
    assignments.lock_line(db, [body.assignment_id])
    assignment = assignments.locked(db, body.assignment_id, caller.folders)
    if assignment.public_session_id != body.session_id:
        completion = Completion(
            CompletionMethod.SESSION_LINK,
            Actor("party", assignment.party_id),
            clock.day_in(access.get_organization(db).time_zone, min(completed_at, now)),
            public_session_id=body.session_id,
        )
        complete_locked(db, assignment, completion, now)
    return assignments.get(db, body.assignment_id, caller.folders)


@verb(Permission.MANAGE_ASSIGNMENTS)
def reopen_assignment(
    db: Session,
    caller: Caller,
    assignment_id: uuid.UUID,
    body: ReopenRequest,
    expected: Collection[int] | None,
    now: datetime,
) -> Shown:
    """Reopen a completed or closed assignment, and take back the licence that its completion earned.

    Asks what a submission asks: the course is not archived, the party active, the due date not past. A new due date
    may come with it, because that of an assignment that has ended cannot be changed.
    Raises NotFound, Stale, AssignmentOpen, AlreadyAssigned, InvalidInput.
    """
    assignments.lock_line(db, [assignment_id])
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.need_ended(assignment)
    if "due_on" in body.model_fields_set:
        assignment.due_on, assignment.reminders = body.due_on, 0
    need_due_day(assignment.due_on, access.today(db, now))
    catalogue.need_not_archived(db, assignment.course_id)
    assignments.need_active(db, assignment.party_id)
    reason = body.reason
    completed = assignment.state == AssignmentState.COMPLETED

    def take_back() -> None:
        why = f"Completion taken back: {reason}"
        older = assignments.reopen_older(db, [assignment.id], [assignment.party_id], [assignment.course_id])
        licences.take_back_completions(db, select(literal(assignment.id)), why, caller.actor, now)
        assignments.record_reopened_older(db, older, caller.actor, now, {"reason": why})

    assignments.reopen(db, assignment, reason, caller.actor, now, along=take_back if completed else None)
    return assignments.get(db, assignment_id, caller.folders)


def complete_locked(db: Session, assignment: Assignment, completion: Completion, now: datetime) -> None:
    """Complete a locked assignment, and grant a licence if its course licenses on completion.

    Closes the party's open assignments of older versions of the course; the caller has locked them (`lock_line`).
    Raises AssignmentCompleted, AssignmentClosed.
    """
    assignments.need_open(assignment)
    completed = select(
        literal(assignment.id).label("assignment_id"),
        literal(assignment.party_id).label("party_id"),
        literal(assignment.course_id).label("course_id"),
        literal(assignment.course_version_id).label("course_version_id"),
    )
    newer = Newer(assignment.party_id, assignment.course_id, assignment.course_version_id, assignment.id)
    older = assignments.close_older(db, [newer], completion.actor, now)
    day = completion.occurred_on
    licences.grant_on_completion(db, completed, completion.actor, now, occurred_on=day, most=1)
    assignments.complete(db, assignment, completion, now)
    assignments.record_closed(db, older, completion.actor, now, {})
