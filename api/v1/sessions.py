"""Sessions: schedule, list, read, change, cancel, complete, amend; and their calendar file."""

import uuid

from fastapi import Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.filtering import SessionFilters
from api.http.lists import AskedList
from api.http.once import ONCE, again
from api.http.routing import Router
from api.v1.etags import Expected, etag
from api.v1.jobs import answer_accepted
from shared.jobs import JobAnswer
from shared.services import session_completions, sessions
from shared.services.sessions import Shown
from shared.sessions import (
    AmendmentRequest,
    CancellationRequest,
    ReinstatementRequest,
    SessionAnswer,
    SessionChanges,
    SessionRequest,
)
from shared.wire import Listing

router = Router("/v1/sessions", "sessions")


class CalendarFile(Response):
    """An answer with a calendar file. A class of its own, so that the OpenAPI document has its media type."""

    media_type = "text/calendar; charset=utf-8"


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=again(SessionAnswer),
    dependencies=[allow(sessions.schedule_session), ONCE],
)
def schedule_session(
    body: SessionRequest, db: Db, caller: CurrentCaller, now: Now, response: Response
) -> SessionAnswer:
    """Schedule a sitting of a course's active version, or of another published one. It may lie in the past."""
    session = sessions.schedule_session(db, caller, body, now)
    response.headers["Location"] = f"/v1/sessions/{session[0].id}"
    return _answer(session, response)


@router.get("", dependencies=[allow(sessions.list_sessions)])
def list_sessions(asked: AskedList, filters: SessionFilters) -> Listing[SessionAnswer]:
    """Sessions by their start, the earliest first."""
    return asked.page(sessions.list_sessions(asked.db, asked.caller, filters), SessionAnswer, SessionAnswer.fields)


@router.get("/{session_id}.ics", dependencies=[allow(sessions.write_calendar)], response_class=CalendarFile)
def read_calendar(session_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts) -> CalendarFile:
    """The session as a calendar file. Importing a later file updates the same entry."""
    file = sessions.write_calendar(db, caller, session_id, parts.settings)
    return CalendarFile(file, headers={"Content-Disposition": f'attachment; filename="session-{session_id}.ics"'})


@router.get("/{session_id}", dependencies=[allow(sessions.get_session)])
def read_session(session_id: uuid.UUID, db: Db, caller: CurrentCaller, response: Response) -> SessionAnswer:
    """One session. Send its `ETag` as `If-Match` to change it."""
    return _answer(sessions.get_session(db, caller, session_id), response)


@router.patch("/{session_id}", dependencies=[allow(sessions.change_session)])
def change_session(
    session_id: uuid.UUID,
    body: SessionChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> SessionAnswer:
    """Change the given fields. 412 when `If-Match` is stale, 409 when the session is completed or cancelled."""
    return _answer(sessions.change_session(db, caller, session_id, body, expected, now), response)


@router.post("/{session_id}/cancel", dependencies=[allow(sessions.cancel_session)])
def cancel_session(
    session_id: uuid.UUID,
    body: CancellationRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> SessionAnswer:
    """Cancel a session. 409 if it is completed or cancelled."""
    return _answer(sessions.cancel_session(db, caller, session_id, body.reason, expected, now), response)


@router.post("/{session_id}/reinstate", dependencies=[allow(sessions.reinstate_session)])
def reinstate_session(
    session_id: uuid.UUID,
    body: ReinstatementRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> SessionAnswer:
    """Schedule a cancelled session again, with its roster. 409 if it is not cancelled."""
    return _answer(sessions.reinstate_session(db, caller, session_id, body.reason, expected, now), response)


@router.post(
    "/{session_id}/complete",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[allow(session_completions.complete_session)],
)
def complete_session(
    session_id: uuid.UUID, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that licenses every party that attended, and freeze the roster. Repeated: the same job.

    A party whose attendance is not recorded counts as attended; the session's `unrecorded` says how many these are. 409
    `session-not-begun` before the session starts.
    """
    complete = session_completions.complete_session
    accepted = complete(db, caller, session_id, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post(
    "/{session_id}/amend", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(session_completions.amend_session)]
)
def amend_session(
    session_id: uuid.UUID,
    body: AmendmentRequest,
    db: Db,
    caller: CurrentCaller,
    accepting: Accepting,
    now: Now,
    response: Response,
) -> JobAnswer:
    """Submit a job that amends a completed session.

    It licenses added parties and completes their assignments, also those that an earlier amendment removed. Those whose
    licence a member revoked by hand need `afterRevocation`, and another member. It revokes the licences of removed
    parties and reopens the assignments that the session had completed or closed.
    """
    amend = session_completions.amend_session
    accepted = amend(db, caller, session_id, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


def _answer(shown: Shown, response: Response) -> SessionAnswer:
    response.headers["ETag"] = etag(shown[0].revision)
    return SessionAnswer.of(shown)
