"""Bulk acts on assignments: change, close, reopen, remind. Each is a job, and has a preview that writes nothing."""

from fastapi import Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from api.v1.jobs import answer_accepted
from shared.assignments import BulkChangeRequest, BulkCloseRequest, BulkPreview, BulkReopenRequest, RemindRequest
from shared.jobs import JobAnswer
from shared.services import bulk

router = Router("/v1/assignments", "assignments")


@router.post("/change", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(bulk.change_assignments)])
def change_assignments(
    body: BulkChangeRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that changes open assignments: due date, reason, or the course, by closing and assigning anew."""
    accepted = bulk.change_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/change/preview", dependencies=[allow(bulk.preview_change)])
def preview_assignment_change(body: BulkChangeRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a change would have now, with up to 20 parties of each."""
    return bulk.preview_change(db, caller, body, now)


@router.post("/close", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(bulk.close_assignments)])
def close_assignments(
    body: BulkCloseRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that closes open assignments: named ones, those of a job, or those that match a filter now."""
    accepted = bulk.close_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/close/preview", dependencies=[allow(bulk.preview_closing)])
def preview_assignment_closing(body: BulkCloseRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a closing would have now, with up to 20 parties of each."""
    return bulk.preview_closing(db, caller, body, now)


@router.post("/reopen", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(bulk.reopen_assignments)])
def reopen_assignments(
    body: BulkReopenRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that reopens completed and closed assignments. Licences that completions earned are taken back."""
    accepted = bulk.reopen_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/reopen/preview", dependencies=[allow(bulk.preview_reopening)])
def preview_assignment_reopening(body: BulkReopenRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a reopening would have now, with up to 20 parties of each."""
    return bulk.preview_reopening(db, caller, body, now)


@router.post("/remind", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(bulk.remind_parties)])
def remind_assignments(
    body: RemindRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that reminds the parties of open assignments, by mail where there is an address."""
    accepted = bulk.remind_parties(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/remind/preview", dependencies=[allow(bulk.preview_reminding)])
def preview_assignment_reminding(body: RemindRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a reminder would have now, with up to 20 parties of each."""
    return bulk.preview_reminding(db, caller, body, now)
