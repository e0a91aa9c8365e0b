"""Sessions at the front desk: schedule, change, cancel, complete, amend; and their calendar file."""

import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Query, Response, status
from sqlalchemy.orm import Session

from api.accepting import Accepting
from api.dependencies import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CurrentOrganization,
    Cursor,
    Db,
    Limit,
    Now,
    allow,
)
from api.etags import Expected, etag
from api.routing import Router
from shared import clock, sessions
from shared.access import Caller, Organization, Permission
from shared.database import ID_PATTERN
from shared.jobs import JobAnswer, Submission
from shared.pagination import page
from shared.sessions import (
    AmendmentRequest,
    CancellationRequest,
    Filters,
    SessionAnswer,
    SessionChanges,
    SessionMode,
    SessionRequest,
    SessionState,
)
from shared.wire import Listing, ReceivedInstant

router = Router("/v1/sessions", "sessions")

READS = allow(Permission.VIEW, Permission.ADMIN)
WRITES = allow(Permission.ADMIN)

SessionsListing = Listing[SessionAnswer]


class CalendarFile(Response):
    """Told apart in the API's description by its media type."""

    media_type = "text/calendar; charset=utf-8"


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[WRITES])
def schedule(body: SessionRequest, db: Db, caller: CurrentCaller, now: Now, response: Response) -> SessionAnswer:
    """Schedule a sitting of a course's active version. Its times may lie in the past."""
    session = sessions.schedule(db, body, caller.actor, now)
    response.headers["Location"] = f"/v1/sessions/{session.id}"
    return _answer(db, session.id, caller, response)


async def _filters(
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    state: Annotated[SessionState | None, Query()] = None,
    mode: Annotated[SessionMode | None, Query()] = None,
    since: Annotated[ReceivedInstant | None, Query(alias="from", description="Those that start then or later.")] = None,
    until: Annotated[ReceivedInstant | None, Query(alias="to", description="Those that start before.")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
) -> Filters:
    return Filters(course_id=course_id, state=state, mode=mode, since=since, until=until, party_id=party_id)


@router.get("", dependencies=[READS])
def list_sessions(
    db: Db,
    caller: CurrentCaller,
    filters: Annotated[Filters, Depends(_filters, scope="function")],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SessionsListing:
    """Sessions by their start, the earliest first."""
    found = page(db, sessions.listed(db, filters, caller.folders), limit=limit, cursor=cursor)
    return SessionsListing(items=[SessionAnswer.of(row) for row in found.items], next_cursor=found.next_cursor)


@router.get("/{session_id}.ics", dependencies=[READS], response_class=CalendarFile)
def read_calendar(session_id: uuid.UUID, db: Db, caller: CurrentCaller) -> CalendarFile:
    """The session as a calendar file: the same entry each time, in its own time zone."""
    row = sessions.get(db, session_id, caller.folders)
    file = sessions.calendar(row[0], row.course_title, row.version_label)
    return CalendarFile(file, headers={"Content-Disposition": f'attachment; filename="session-{session_id}.ics"'})


@router.get("/{session_id}", dependencies=[READS])
def read_session(session_id: uuid.UUID, db: Db, caller: CurrentCaller, response: Response) -> SessionAnswer:
    """One session. Its ETag goes into the If-Match of a change."""
    return _answer(db, session_id, caller, response)


@router.patch("/{session_id}", dependencies=[WRITES])
def change(
    session_id: uuid.UUID,
    body: SessionChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> SessionAnswer:
    """Change the given fields. 412 when `If-Match` is stale, 409 when the session is completed or cancelled."""
    sessions.change(db, session_id, body, expected=expected, actor=caller.actor, now=now)
    return _answer(db, session_id, caller, response)


@router.post("/{session_id}/cancel", dependencies=[WRITES])
def cancel(
    session_id: uuid.UUID,
    body: CancellationRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> SessionAnswer:
    """Say that it will not take place. 409 when it is completed or cancelled already."""
    sessions.cancel(db, session_id, body.reason, expected=expected, actor=caller.actor, now=now)
    return _answer(db, session_id, caller, response)


@router.post("/{session_id}/complete", status_code=status.HTTP_202_ACCEPTED, dependencies=[WRITES])
def complete(
    session_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    now: Now,
) -> JobAnswer:
    """License everybody on the roster who attended, as a job; from now on the roster is frozen. Again: the same job."""
    request_hash = accepting.hash_of()
    if earlier := accepting.earlier(db, request_hash):
        return earlier
    job, replayed = sessions.complete(
        db,
        session_id,
        caller.actor,
        occurred_on=_day_in(organization),
        key=accepting.key,
        request_hash=request_hash,
        change_limit=organization.change_limit,
        workers=accepting.workers,
        now=now,
    )
    return accepting.answer(job, replayed=replayed)


@router.post("/{session_id}/amend", status_code=status.HTTP_202_ACCEPTED, dependencies=[WRITES])
def amend(
    session_id: uuid.UUID,
    body: AmendmentRequest,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    accepting: Accepting,
    now: Now,
) -> JobAnswer:
    """Correct a completed session's roster, as a job: license those to add, take back from those to remove."""
    request_hash = accepting.hash_of(body)
    if earlier := accepting.earlier(db, request_hash):
        return earlier
    submission = Submission(
        kind=sessions.AMEND,
        request={},
        actor=caller.actor,
        scope=caller.folders,
        key=accepting.key,
        request_hash=request_hash,
        change_limit=organization.change_limit,
    )
    job, replayed = sessions.amend(
        db,
        session_id,
        add=[party.entity_id for party in body.add],
        remove=[party.entity_id for party in body.remove],
        reason=body.reason,
        submission=submission,
        occurred_on=_day_in(organization),
        workers=accepting.workers,
        now=now,
    )
    return accepting.answer(job, replayed=replayed)


def _day_in(organization: Organization) -> Callable[[datetime], date]:
    return lambda at: clock.day_in(organization.time_zone, at)


def _answer(db: Session, session_id: uuid.UUID, caller: Caller, response: Response) -> SessionAnswer:
    row = sessions.get(db, session_id, caller.folders)
    response.headers["ETag"] = etag(row[0].revision)
    return SessionAnswer.of(row)
