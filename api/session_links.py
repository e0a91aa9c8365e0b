"""Session links at the front desk: minted by hand, for a party that no notice reaches. The page is in `public`."""

import uuid

from fastapi import Response

from api.dependencies import CurrentCaller, CurrentService, Db, Now, allow
from api.routing import Router
from shared import assignments
from shared.access import Permission
from shared.assignments import SessionLinks
from shared.wire import Answer, Instant

router = Router("/v1/assignments", "assignments")


class SessionLinkAnswer(Answer):
    """The link, told this once. Whoever has it can complete the assignment in the party's name."""

    url: str
    expires_at: Instant


@router.post("/{assignment_id}/session-link", dependencies=[allow(Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)])
def mint(
    assignment_id: uuid.UUID, db: Db, caller: CurrentCaller, service: CurrentService, now: Now, response: Response
) -> SessionLinkAnswer:
    """A link with which the party completes this open assignment itself. Earlier ones stay good."""
    assignment = assignments.locked(db, assignment_id, caller.folders)
    minted = assignments.mint_link(db, SessionLinks(service.settings), assignment, caller.actor, now)
    response.headers["Cache-Control"] = "no-store"
    return SessionLinkAnswer.model_validate(minted)
