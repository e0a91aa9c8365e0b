"""Completing a session after a page that says what will be granted, and amending a completed one with a reason."""

import uuid
from typing import Any

from fastapi import Request, Response

from api.console.editing import pasted_ids
from api.console.forms import CurrentForm, Form, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.visits import CurrentVisit, need_recent
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.services import session_completions, session_details
from shared.sessions import AmendmentRequest

router = ConsoleRouter("/sessions/{session_id}")


@router.get("/complete", dependencies=[allow(session_details.preview_completion)])
def show_completion(
    session_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The page before completing: what is granted, and to whom not."""
    found = session_details.preview_completion(db, caller, session_id, now)
    return frame.page("completion.html", found=found, session=found.details.session, form=form)


@router.post("/complete", dependencies=[allow(session_completions.complete_session)])
def complete(
    session_id: uuid.UUID,
    _: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job that licenses every party that attended, and lead to its page."""
    submit = session_completions.complete_session
    accepted = submit(db, caller, session_id, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


@router.get("/amend", dependencies=[allow(session_details.get_amendment)])
def show_amendment(
    session_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The form that corrects the roster of a completed session."""
    found = session_details.get_amendment(db, caller, session_id, now)
    return frame.page("amendment.html", found=found, session=found.session, form=form)


@router.post("/amend", dependencies=[allow(session_completions.amend_session)])
def amend(
    request: Request,
    session_id: uuid.UUID,
    visit: CurrentVisit,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job that amends the session, and lead to its page."""
    given: dict[str, Any] = {name: _parties(form, name) for name in ("add", "remove")}
    body = form.read(AmendmentRequest, **given, afterRevocation=form.checked("afterRevocation"))
    if body.remove:  # it revokes their licences
        need_recent(request, visit, now)
    submit = session_completions.amend_session
    accepted = submit(db, caller, session_id, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


def _parties(form: Form, name: str) -> list[dict[str, str]]:
    """Return the parties of a field with pasted ids, and of the ticks beside it."""
    ids = pasted_ids(form, name) + form.several(f"{name}.ticked")
    return [{"entityType": "party", "entityId": one} for one in dict.fromkeys(ids)]
