"""What an external Public Sessions system reports: a party completed, in a session over there, what it owes here."""

from datetime import timedelta

from api.dependencies import CurrentCaller, CurrentOrganization, Db, Now, Today, allow
from api.licensing import license_completion
from api.routing import Router
from shared import assignments, clock
from shared.access import Permission
from shared.assignments import AssignmentAnswer, Completion, CompletionMethod, SessionTaskRequest
from shared.errors import Fault, InvalidInput
from shared.events import Actor

router = Router("/v1/session-tasks", "session tasks")

CLOCKS_APART = timedelta(minutes=1)
"""How far ahead the other system's clock may be, before what it reports counts as not having happened yet."""


@router.post("/complete", dependencies=[allow(Permission.COMPLETE_SESSION_TASKS)])
def complete(
    body: SessionTaskRequest, db: Db, caller: CurrentCaller, organization: CurrentOrganization, today: Today, now: Now
) -> AssignmentAnswer:
    """Complete the assignment as its party. Repeated for the same session it answers the same; for another one, 409."""
    completed_at = body.completed_at or now
    if completed_at > now + CLOCKS_APART:
        raise InvalidInput(Fault("/completedAt", "The task may not be completed in the future."))
    assignment = assignments.locked(db, body.assignment_id, caller.folders)
    if assignment.public_session_id != body.session_id:
        completion = Completion(
            CompletionMethod.SESSION_LINK,
            Actor("party", assignment.party_id),
            clock.day_in(organization.time_zone, min(completed_at, now)),
            public_session_id=body.session_id,
        )
        license_completion(db, assignment, completion.actor, now)
        assignments.complete(db, assignment, completion, now)
    return AssignmentAnswer.of(assignments.get(db, body.assignment_id, caller.folders), today)
