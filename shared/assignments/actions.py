"""Changing one assignment: complete, edit, reassign, close, reopen. The package `work` changes many at once.

Every change raises the revision, and records an event with the former values and the actor.
"""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import directory, events, locking
from shared.assignments.models import Assignment, AssignmentState, CompletionMethod
from shared.assignments.reopening import ENDINGS
from shared.database import current_org
from shared.directory import Party
from shared.errors import Conflict, Fault, InvalidInput
from shared.events import Actor, Fact


class AssignmentCompleted(Conflict):
    """The assignment is completed already. A completion is recorded once."""

    slug, title = "assignment-completed", "Assignment completed"

    def __init__(self) -> None:
        super().__init__("The assignment is completed. To record it anew, reopen it first.")


class AssignmentClosed(Conflict):
    """The assignment was closed or reassigned, so it cannot be completed or changed."""

    slug, title = "assignment-closed", "Assignment closed"

    def __init__(self) -> None:
        super().__init__("The assignment is closed. To complete or change it, reopen it first.")


class AssignmentOpen(Conflict):
    """The assignment is open. Only a completed or closed assignment can be reopened."""

    slug, title = "assignment-open", "Assignment open"


class AlreadyAssigned(Conflict):
    """The party has an open assignment of that version already."""

    slug, title = "already-assigned", "Already assigned"

    def __init__(self) -> None:
        super().__init__("The party has another open assignment of this version; there can be only one.")


@dataclass(frozen=True)
class Completion:
    """The facts of a completion. occurred_on: the day it happened, in the organization's time zone."""

    method: CompletionMethod
    actor: Actor
    occurred_on: date
    note: str | None = None
    public_session_id: str | None = None
    link_minted_by: str | None = None


def locked(
    db: Session,
    assignment_id: uuid.UUID,
    scope: Collection[str] | None,
    *,
    expected: Collection[int] | None = None,
) -> Assignment:
    """Lock an assignment until the end of this transaction, and return it.

    expected: the revisions that the caller may have read, None for any. Raises Stale for another revision, and NotFound
    also for an assignment outside the scope.
    """
    mine = select(Assignment).where(
        Assignment.org_id == current_org(db),
        Assignment.id == assignment_id,
        directory.in_scope(Assignment.party_id, scope),
    )
    return locking.locked(db, mine, "assignment", expected=expected)


def complete(db: Session, assignment: Assignment, completion: Completion, now: datetime) -> None:
    """Record the completion. Raises AssignmentCompleted, AssignmentClosed."""
    need_open(assignment)
    assignment.state = AssignmentState.COMPLETED
    assignment.completion_method = completion.method
    assignment.completed_by_type, assignment.completed_by_id = completion.actor.type, completion.actor.id
    assignment.completed_at, assignment.occurred_on = now, completion.occurred_on
    assignment.completion_note = completion.note
    assignment.public_session_id = completion.public_session_id
    assignment.link_minted_by = completion.link_minted_by
    data = {"method": completion.method, "occurredOn": completion.occurred_on.isoformat()}
    if completion.public_session_id is not None:
        data["publicSessionId"] = completion.public_session_id
    if completion.link_minted_by is not None:
        data["linkMintedBy"] = completion.link_minted_by
    _record_change(db, assignment, completion.actor, now, "assignment.completed", data)


def edit(db: Session, assignment: Assignment, changes: dict[str, Any], actor: Actor, now: datetime) -> None:
    """Change `due_on`, `reason` or both. Does nothing if they have these values already.

    A new due date starts the reminders again from the first one. The next sweep records one that is due by then.
    Raises AssignmentCompleted, AssignmentClosed.
    """
    need_open(assignment)
    former = {name: getattr(assignment, name) for name in changes}
    if former == changes:
        return
    for name, value in changes.items():
        setattr(assignment, name, value)
    if former.get("due_on") != changes.get("due_on"):
        assignment.reminders = 0
    _record_change(
        db, assignment, actor, now, "assignment.changed", _event_data(changes) | {"former": _event_data(former)}
    )


def close(db: Session, assignment: Assignment, reason: str, actor: Actor, now: datetime) -> None:
    """Close an open assignment. Its session links stop working. Raises AssignmentCompleted, AssignmentClosed."""
    need_open(assignment)
    _close(assignment, reason, actor, now)
    _record_change(db, assignment, actor, now, "assignment.closed", {"reason": reason})


def reassign(
    db: Session,
    assignment: Assignment,
    party_id: str,
    reason: str,
    *,
    scope: Collection[str] | None,
    actor: Actor,
    now: datetime,
) -> uuid.UUID:
    """Close the assignment, and make one for another party with its version, reason and due date. Returns the new id.

    Raises AssignmentCompleted, AssignmentClosed, AlreadyAssigned, and InvalidInput for a party that is unknown,
    inactive or outside the scope.
    """
    need_open(assignment)
    _need_assignable(db, party_id, scope)
    copied = ("org_id", "course_id", "course_version_id", "reason", "due_on")
    values = {name: getattr(assignment, name) for name in copied} | {
        "party_id": party_id,
        "assigned_by_type": actor.type,
        "assigned_by_id": actor.id,
        "assigned_at": now,
    }
    try:
        other = db.scalars(insert(Assignment).values(**values).returning(Assignment)).one()
    except IntegrityError as error:
        raise AlreadyAssigned from error
    _close(assignment, reason, actor, now)
    assignment.reassigned_to = other.id
    _record_change(
        db, assignment, actor, now, "assignment.reassigned", {"reason": reason, "reassignedTo": str(other.id)}
    )
    about = _about(other) | {"dueOn": _value(other.due_on), "reassignedFrom": str(assignment.id)}
    events.record(db, actor, now, Fact("assignment.created", f"assignment/{other.id}", about, party_id))
    return other.id


def reopen(
    db: Session,
    assignment: Assignment,
    reason: str,
    actor: Actor,
    now: datetime,
    along: Callable[[], None] | None = None,
) -> None:
    """Reopen a completed or closed assignment. The event keeps the facts of its completion or closure.

    along: called after the change is written and before its event is recorded, for work that records events. The write
    can wait for another transaction, so it comes before every event: see docs/locks.md.
    Raises AssignmentOpen, AlreadyAssigned.
    """
    need_ended(assignment)
    former = {"state": assignment.state} | _event_data({name: getattr(assignment, name) for name in ENDINGS})
    for name in ENDINGS:
        setattr(assignment, name, None)
    assignment.state = AssignmentState.ASSIGNED
    data = {"reason": reason, "former": {name: value for name, value in former.items() if value is not None}}
    assignment.revision += 1
    try:
        db.flush()
    except IntegrityError as error:
        raise AlreadyAssigned from error
    if along is not None:
        along()
    _record(db, assignment, actor, now, "assignment.reopened", data)


def need_open(assignment: Assignment) -> None:
    """Raise AssignmentCompleted or AssignmentClosed for an assignment that is not open."""
    if assignment.state == AssignmentState.COMPLETED:
        raise AssignmentCompleted
    if assignment.state == AssignmentState.CLOSED:
        raise AssignmentClosed


def need_ended(assignment: Assignment) -> None:
    """Raise AssignmentOpen for an open assignment."""
    if assignment.state == AssignmentState.ASSIGNED:
        raise AssignmentOpen("The assignment is open already.")


def need_active(db: Session, party_id: str) -> None:
    """Raise InvalidInput if the party is inactive: nothing is assigned to it."""
    inactive = select(Party.id).where(Party.org_id == current_org(db), Party.id == party_id, ~Party.active)
    if db.scalar(inactive) is not None:
        raise InvalidInput(Fault("", "The party is inactive, so nothing can be assigned to it."))


def _need_assignable(db: Session, party_id: str, scope: Collection[str] | None) -> None:
    active = db.scalar(
        select(Party.active).where(
            Party.org_id == current_org(db), Party.id == party_id, directory.in_scope(Party.id, scope)
        )
    )
    if active is None:
        raise InvalidInput(Fault("/recipient/entityId", "There is no such party, or it is outside your scope."))
    if not active:
        raise InvalidInput(Fault("/recipient/entityId", "The party is inactive; choose an active one."))


def _close(assignment: Assignment, reason: str, actor: Actor, now: datetime) -> None:
    assignment.state = AssignmentState.CLOSED
    assignment.closed_by_type, assignment.closed_by_id = actor.type, actor.id
    assignment.closed_at, assignment.closure_reason = now, reason
    assignment.link_epoch += 1


def _record_change(
    db: Session, assignment: Assignment, actor: Actor, now: datetime, type: str, data: dict[str, Any]
) -> None:
    """Write the change, then record its event, which locks the event counter: see docs/locks.md."""
    assignment.revision += 1
    db.flush()
    _record(db, assignment, actor, now, type, data)


def _record(db: Session, assignment: Assignment, actor: Actor, now: datetime, type: str, data: dict[str, Any]) -> None:
    fact = Fact(type, f"assignment/{assignment.id}", _about(assignment) | data, assignment.party_id)
    events.record(db, actor, now, fact)


def _about(assignment: Assignment) -> dict[str, Any]:
    return {"courseId": str(assignment.course_id), "courseVersionId": str(assignment.course_version_id)}


def _event_data(values: dict[str, Any]) -> dict[str, Any]:
    """The values of columns as fields of an event. Without notes, which may name people."""
    return {to_camel(name): _value(value) for name, value in values.items() if name != "completion_note"}


def _value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, uuid.UUID) else value
