"""Changing assignments at the front desk: complete, edit, reassign, close and reopen one; complete and close many."""

import uuid
from collections.abc import Mapping
from datetime import date

from fastapi import Response, status
from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from api.accepting import Acceptance, Accepting
from api.assignments import named_recipients
from api.dependencies import CurrentCaller, CurrentOrganization, Db, Now, Today, allow
from api.etags import Expected, etag
from api.licensing import license_completion
from api.routing import Router
from shared import assignments, catalogue, directory, jobs, licences
from shared.access import Caller, Organization, Permission
from shared.assignments import (
    BY_ASSIGNMENT,
    BY_PARTY,
    Assignment,
    AssignmentAnswer,
    AssignmentChanges,
    AssignmentState,
    BulkCloseRequest,
    BulkCompletionRequest,
    Completion,
    CompletionMethod,
    CompletionRequest,
    Filters,
    ReasonRequest,
    ReassignRequest,
)
from shared.errors import Fault, InvalidInput, NotFound
from shared.jobs import JobAnswer, Submission

router = Router("/v1/assignments", "assignments")

MANAGES = allow(Permission.MANAGE_ASSIGNMENTS)


@router.post("/complete", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.COMPLETE)])
def complete_many(
    body: BulkCompletionRequest,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    today: Today,
    now: Now,
) -> JobAnswer:
    """A supervisor's sign-off as a job: by assignments, or by course and parties."""
    request_hash = accepting.hash_of(body)
    if earlier := accepting.earlier(db, request_hash):
        return earlier
    request: dict[str, str | None] = {"occurredOn": _day(body.occurred_on, today).isoformat(), "note": body.note}
    if body.assignment_ids is not None:
        recipients = _ids(body.assignment_ids)
        request |= {"by": BY_ASSIGNMENT}
    else:
        version_id = _version(db, body)
        recipients = named_recipients(db, body.recipients, body.folder_ids, caller)
        request |= {"by": BY_PARTY, "courseId": str(body.course_id), "courseVersionId": str(version_id)}
    submission = _submission("assignments.complete", request, caller, organization, accepting, request_hash)
    return _accept(db, submission, recipients, accepting, now)


@router.post("/close", status_code=status.HTTP_202_ACCEPTED, dependencies=[MANAGES])
def close_many(
    body: BulkCloseRequest,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    today: Today,
    now: Now,
) -> JobAnswer:
    """Close open assignments as a job: these, those of a job, or those that match a filter now."""
    request_hash = accepting.hash_of(body)
    if earlier := accepting.earlier(db, request_hash):
        return earlier
    if body.assignment_ids is not None:
        recipients = _ids(body.assignment_ids)
    elif body.job_id is not None:
        jobs.get(db, body.job_id)
        filters = Filters(today, job_id=body.job_id, state=AssignmentState.ASSIGNED)
        recipients = assignments.recipients(db, filters, caller.folders)
    else:
        given = body.filter.model_dump(exclude_none=True) if body.filter else {}
        filters = Filters(today, state=AssignmentState.ASSIGNED, **given)
        recipients = assignments.recipients(db, filters, caller.folders)
    request = {"by": BY_ASSIGNMENT, "reason": body.reason}
    submission = _submission("assignments.close", request, caller, organization, accepting, request_hash)
    return _accept(db, submission, recipients, accepting, now)


@router.post("/{assignment_id}/complete", dependencies=[allow()])
def complete(
    assignment_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
    body: CompletionRequest | None = None,
) -> AssignmentAnswer:
    """Complete one: the member who represents the party needs no permission, others `training.complete` in scope."""
    given = body or CompletionRequest()
    own = db.get(Assignment, (caller.org_id, assignment_id))
    if own is not None and caller.party_id is not None and own.party_id == caller.party_id:
        method, scope = CompletionMethod.SELF, None
    else:
        caller.need(Permission.COMPLETE)
        method, scope = CompletionMethod.ON_BEHALF, caller.folders
    assignment = assignments.locked(db, assignment_id, scope, expected=expected)
    completion = Completion(method, caller.actor, _day(given.occurred_on, today), given.note)
    license_completion(db, assignment, caller.actor, now)
    assignments.complete(db, assignment, completion, now)
    return _answer(db, assignment_id, scope, today, response)


@router.patch("/{assignment_id}", dependencies=[MANAGES])
def edit(
    assignment_id: uuid.UUID,
    body: AssignmentChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Change the due date or the reason of an open assignment. 412 when `If-Match` is stale."""
    changes = body.model_dump(exclude_unset=True)
    if body.due_on is not None and body.due_on < today:
        raise InvalidInput(Fault("/dueOn", "The due date may not lie in the past; today is the earliest."))
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.edit(db, assignment, changes, caller.actor, now)
    return _answer(db, assignment_id, caller.folders, today, response)


@router.post("/{assignment_id}/reassign", dependencies=[MANAGES])
def reassign(
    assignment_id: uuid.UUID,
    body: ReassignRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Close it, and open one for the other party on the same version. Answers the new one."""
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    other_id = assignments.reassign(
        db,
        assignment,
        body.recipient.entity_id,
        body.reason,
        scope=caller.folders,
        actor=caller.actor,
        now=now,
    )
    response.headers["Location"] = f"/v1/assignments/{other_id}"
    return _answer(db, other_id, caller.folders, today, response)


@router.post("/{assignment_id}/close", dependencies=[MANAGES])
def close(
    assignment_id: uuid.UUID,
    body: ReasonRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Close an open assignment: nothing is owed any more."""
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    assignments.close(db, assignment, body.reason, caller.actor, now)
    return _answer(db, assignment_id, caller.folders, today, response)


@router.post("/{assignment_id}/reopen", dependencies=[MANAGES])
def reopen(
    assignment_id: uuid.UUID,
    body: ReasonRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Owe a completed or closed assignment again."""
    assignment = assignments.locked(db, assignment_id, caller.folders, expected=expected)
    if assignment.state == AssignmentState.COMPLETED:
        these = select(literal(assignment.id))
        reason = f"Completion taken back: {body.reason}"
        licences.take_back_completions(db, these, reason, caller.actor, now)
    assignments.reopen(db, assignment, body.reason, caller.actor, now)
    return _answer(db, assignment_id, caller.folders, today, response)


def _answer(
    db: Session, assignment_id: uuid.UUID, scope: frozenset[str] | None, today: date, response: Response
) -> AssignmentAnswer:
    row = assignments.get(db, assignment_id, scope)
    response.headers["ETag"] = etag(row[0].revision)
    return AssignmentAnswer.of(row, today)


def _day(occurred_on: date | None, today: date) -> date:
    """The day it happened. Raises InvalidInput for one that is still to come."""
    if occurred_on is not None and occurred_on > today:
        raise InvalidInput(Fault("/occurredOn", "The day it happened may not lie in the future; today is the latest."))
    return occurred_on or today


def _ids(assignment_ids: list[uuid.UUID]) -> Select[str]:
    return directory.recipients(party_ids={str(assignment_id) for assignment_id in assignment_ids}, folder_ids=[])


def _version(db: Session, body: BulkCompletionRequest) -> uuid.UUID:
    """The version whose assignments are meant: the one named, else the active one."""
    assert body.course_id is not None
    if body.course_version_id is None:
        return catalogue.active_version(db, body.course_id).id
    try:
        return catalogue.version(db, body.course_id, body.course_version_id).id
    except NotFound:
        raise InvalidInput(Fault("/courseVersionId", "The course has no such version.")) from None


def _submission(
    kind: str,
    request: Mapping[str, str | None],
    caller: Caller,
    organization: Organization,
    accepting: Acceptance,
    request_hash: str | None,
) -> Submission:
    return Submission(
        kind=kind,
        request=request,
        actor=caller.actor,
        scope=caller.folders,
        key=accepting.key,
        request_hash=request_hash,
        change_limit=organization.change_limit,
    )


def _accept(db: Session, submission: Submission, recipients: Select[str], accepting: Acceptance, now: Now) -> JobAnswer:
    job, replayed = jobs.submit(db, submission, recipients, workers=accepting.workers, now=now)
    if not replayed and job.total == 0:
        raise InvalidInput(Fault("", "Nothing matches, so there is nothing to do."))
    return accepting.answer(job, replayed=replayed)
