"""Reports of an external Public Sessions system that a party completed its assignment in a session there."""

from api.http.dependencies import CurrentCaller, Db, Now, Today, allow
from api.http.routing import Router
from shared.assignments import AssignmentAnswer, SessionTaskRequest
from shared.services import completions

router = Router("/v1/session-tasks", "session tasks")


@router.post("/complete", dependencies=[allow(completions.complete_session_task)])
def complete_session_task(
    body: SessionTaskRequest, db: Db, caller: CurrentCaller, today: Today, now: Now
) -> AssignmentAnswer:
    """Complete the assignment as its party. Repeated for the same session: the same answer; for another one: 409."""
    return AssignmentAnswer.of(completions.complete_session_task(db, caller, body, now), today)
