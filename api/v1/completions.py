"""Completing assignments, one and many; reopening one; and minting a session link by hand."""

import uuid

from fastapi import Response, status
from pydantic import StrictBool

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, Today, allow
from api.http.once import Once, without
from api.http.routing import Router
from api.v1.assignments import answer
from api.v1.etags import Expected
from api.v1.jobs import answer_accepted
from shared.assignments import (
    AssignmentAnswer,
    BulkCompletionRequest,
    BulkPreview,
    CompletionRequest,
    ReopenRequest,
    SessionLinks,
)
from shared.jobs import JobAnswer
from shared.services import assignment_changes, completions, session_links
from shared.wire import Answer, Instant, Received

router = Router("/v1/assignments", "assignments")


class SessionLinkRequest(Received):
    """A link to mint by hand. force: mint it although the party has an account and can sign in."""

    force: StrictBool = False


class SessionLinkAnswer(Answer):
    """A session link. Every person with the link can complete the assignment as its party.

    url: shown only once; null in the answer to a repeated request.
    """

    url: str | None
    expires_at: Instant


@router.post(
    "/complete", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(assignment_changes.complete_assignments)]
)
def complete_assignments(
    body: BulkCompletionRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that completes assignments as a supervisor's sign-off.

    Named ones, those of a job, those that match a filter now, or by course and parties.
    """
    complete = assignment_changes.complete_assignments
    accepted = complete(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/complete/preview", dependencies=[allow(assignment_changes.preview_completion)])
def preview_completing(body: BulkCompletionRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a sign-off would have now, with up to 20 parties of each."""
    return assignment_changes.preview_completion(db, caller, body, now)


@router.post("/{assignment_id}/complete", dependencies=[allow(completions.complete_assignment)])
def complete_assignment(
    assignment_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
    body: CompletionRequest | None = None,
) -> AssignmentAnswer:
    """Complete one assignment.

    The member who represents the party needs no permission, another caller `training.complete`, for parties in scope.
    """
    given = body or CompletionRequest()
    completed = completions.complete_assignment(db, caller, assignment_id, given, expected, now)
    return answer(completed, today, response)


@router.post("/{assignment_id}/reopen", dependencies=[allow(completions.reopen_assignment)])
def reopen_assignment(
    assignment_id: uuid.UUID,
    body: ReopenRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    today: Today,
    now: Now,
    response: Response,
) -> AssignmentAnswer:
    """Reopen a completed or closed assignment. The licence that its completion earned is taken back.

    Asks what a submission asks: the course is not archived, the party active, the due date not past.
    """
    reopened = completions.reopen_assignment(db, caller, assignment_id, body, expected, now)
    return answer(reopened, today, response)


@router.post("/{assignment_id}/session-link", dependencies=[allow(session_links.mint_link)])
def create_session_link(
    assignment_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    now: Now,
    response: Response,
    once: Once,
    body: SessionLinkRequest | None = None,
) -> SessionLinkAnswer:
    """Mint a link with which the party can complete this open assignment. Earlier links stay valid.

    409 `party-has-account` for a party with an account, unless `force` is true.
    """
    links, force = SessionLinks(parts.settings), body is not None and body.force
    minted = session_links.mint_link(db, caller, assignment_id, links, now, force=force)
    response.headers["Cache-Control"] = "no-store"
    answer = SessionLinkAnswer.model_validate(minted)
    once.answer = without(answer, "url")
    return answer
