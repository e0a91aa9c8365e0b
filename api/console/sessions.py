"""Sessions: the list, the page of one, and scheduling, changing, cancelling and reinstating it."""

import uuid
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.console.columns import Column
from api.console.editing import cleared, expected, filled, instants, local_time, numbers, unchanged
from api.console.forms import FORM_ONCE, CurrentForm, Form, made
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.history import told
from api.console.listing import Filter, ListPage, choices_of, list_page
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.filtering import SessionFilters
from api.http.lists import AskedList
from shared import clock
from shared.services import overview, session_details, sessions
from shared.sessions import (
    CancellationRequest,
    ReinstatementRequest,
    SessionAnswer,
    SessionChanges,
    SessionMode,
    SessionRequest,
    SessionState,
)
from shared.texts import N_

router = ConsoleRouter()

STATES = {
    "scheduled": N_("Scheduled"),
    "completing": N_("Being completed"),
    "completed": N_("Completed"),
    "cancelled": N_("Cancelled"),
}
MODES = {"in_person": N_("In person"), "online": N_("Online")}

PAGE = ListPage(
    title=N_("Sessions"),
    template="sessions.html",
    address="/sessions",
    model=SessionAnswer,
    columns=(
        Column("course", N_("Course")),
        Column("starts", N_("Starts"), zoned=True),
        Column("ends", N_("Ends"), "wide", zoned=True, usual=False),
        Column("place", N_("Place"), "wide"),
        Column("roster", N_("Roster"), "number later"),
        Column("state", N_("State")),
    ),
    filters=(
        Filter("courseId", N_("Course"), "choice", offered=0),
        Filter("state", N_("State"), "choice", choices_of(SessionState, STATES)),
        Filter("mode", N_("How it is held"), "choice", choices_of(SessionMode, MODES)),
        Filter("from", N_("From"), "day"),
        Filter("to", N_("Before"), "day"),
        Filter("partyId", N_("Person"), "hidden"),
    ),
)

TIMES = ("startsAt", "endsAt")


@router.list_of("/sessions", sessions.list_sessions)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList, filters: SessionFilters) -> Response:
    """The list, or all of it as a file."""
    rows = sessions.list_sessions(asked.db, asked.caller, filters)
    offered = overview.course_choices(asked.db, asked.caller)
    return list_page(frame, request, asked, PAGE, rows, SessionAnswer.of, offered, modes=MODES)


@router.get("/sessions/new", dependencies=[allow(session_details.session_choices)])
def show_new(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form that schedules a session, in the organization's zone unless another one is named."""
    courses = session_details.session_choices(db, caller).courses
    if not form.text("timeZone"):
        form = Form({**form.values, "timeZone": [frame.words.zone]}, form.problem, form.sent)
    return frame.page("session_new.html", form=form, courses=courses, modes=MODES, zones=_zones())


@router.post("/sessions/new", dependencies=[allow(sessions.schedule_session), FORM_ONCE])
def schedule(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now, response: Response) -> Response:
    """Schedule a session, and lead to its page."""
    given = instants(form, TIMES, form.text("timeZone").strip()) | numbers(form, ["capacity"])
    session = sessions.schedule_session(db, caller, form.read(SessionRequest, **given), now)[0]
    return made(response, f"/sessions/{session.id}")


@router.get("/sessions/{session_id}.ics", dependencies=[allow(sessions.write_calendar)])
def load_calendar(session_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts) -> Response:
    """The session as a calendar file. Importing a later file updates the same entry."""
    headers = {"Content-Disposition": f'attachment; filename="session-{session_id}.ics"'}
    file = sessions.write_calendar(db, caller, session_id, parts.settings)
    return Response(file, media_type="text/calendar; charset=utf-8", headers=headers)


@router.get("/sessions/{session_id}", dependencies=[allow(session_details.get_session_details)])
def show(
    session_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page of one session."""
    found = session_details.get_session_details(db, caller, session_id, now)
    history = told(found.history, frame.words)
    return frame.page("session.html", found=found, session=found.session, form=form, modes=MODES, history=history)


@router.get("/sessions/{session_id}/edit", dependencies=[allow(session_details.get_session_to_change)])
def show_edit(session_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a scheduled session, with its times in its own zone."""
    row = session_details.get_session_to_change(db, caller, session_id)
    session = SessionAnswer.of(row)
    present = session.model_dump(mode="json", by_alias=True)
    present |= {name: local_time(at, session.time_zone) for name, at in zip(TIMES, _times(session), strict=True)}
    was = {name: present[name] for name in (*TIMES, "timeZone")}
    seen: dict[str, Any] = {"was": was, "revision": row[0].revision, "zones": _zones(), "modes": MODES}
    return frame.page("session_edit.html", form=filled(form, present), session=session, **seen)


@router.post("/sessions/{session_id}/edit", dependencies=[allow(sessions.change_session)])
def edit(session_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Change a scheduled session. Times that nobody touched are not mentioned."""
    given: dict[str, Any] = {**cleared(form, ["location", "joinUrl", "capacity"]), **numbers(form, ["capacity"])}
    given["timeZone"] = form.text("timeZone").strip()
    touched = [] if unchanged(form, "timeZone") else list(TIMES)
    touched = touched or [name for name in TIMES if not unchanged(form, name)]
    given |= {name: form.text(name) for name in touched} | instants(form, touched, given["timeZone"])
    kept = {name: values for name, values in form.values.items() if name not in TIMES}
    body = Form(kept).read(SessionChanges, **given)
    sessions.change_session(db, caller, session_id, body, expected(form), now)
    return _to(session_id)


_ON_ITS_PAGE = form_of("/sessions/{session_id}")


@router.post("/sessions/{session_id}/cancel", dependencies=[allow(sessions.cancel_session), _ON_ITS_PAGE])
def cancel(session_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Cancel a session."""
    reason = form.read(CancellationRequest).reason
    sessions.cancel_session(db, caller, session_id, reason, expected(form), now)
    return _to(session_id)


@router.post("/sessions/{session_id}/reinstate", dependencies=[allow(sessions.reinstate_session), _ON_ITS_PAGE])
def reinstate(session_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """Schedule a cancelled session again."""
    reason = form.read(ReinstatementRequest).reason
    sessions.reinstate_session(db, caller, session_id, reason, expected(form), now)
    return _to(session_id)


def _times(session: SessionAnswer) -> tuple[Any, Any]:
    return session.starts_at, session.ends_at


def _zones() -> list[str]:
    """Return the zones that a field suggests: places, without names of clocks such as EST."""
    return sorted(
        zone for zone in clock.time_zones() if "/" in zone and not zone.startswith(("Etc/", "posix", "right"))
    )


def _to(session_id: uuid.UUID) -> RedirectResponse:
    return RedirectResponse(f"/sessions/{session_id}", 303)
