"""Bulk acts on the list of assignments: on the chosen rows, or on all that match but those that were unticked.

The form carries the filter that was shown and the number that it showed; the server looks again, and says if the
number is another one now. Each act is previewed, and becomes a job.
"""

from typing import Any, NamedTuple, TypeVar

from fastapi import Response
from sqlalchemy.orm import Session

from api.console.forms import CurrentForm, Form, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.assignments import (
    BulkChangeRequest,
    BulkCloseRequest,
    BulkPreview,
    BulkReopenRequest,
    BulkRequest,
    RemindRequest,
)
from shared.services import bulk, deliveries
from shared.texts import N_

router = ConsoleRouter("/assignments")

Request = TypeVar("Request", bound=BulkRequest)


class Act(NamedTuple):
    """An act: its title, a sentence about it, and the verb that it calls."""

    title: str
    intro: str
    verb: str


ACTS = {
    "remind": Act(N_("Remind"), N_("Each person is reminded, by a mail with a fresh link."), "bulk.remind_parties"),
    "change": Act(N_("Change"), N_("Only what you fill in is changed. It can be undone."), "bulk.change_assignments"),
    "close": Act(N_("Close"), N_("Nobody owes a closed assignment. It can be undone."), "bulk.close_assignments"),
    "reopen": Act(
        N_("Reopen"),
        N_("Licences that the completions earned are taken back. It can be undone."),
        "bulk.reopen_assignments",
    ),
}


def acts_for(frame: Frame) -> list[tuple[str, str]]:
    """Return the acts that the caller may do: their names and titles."""
    return [(name, act.title) for name, act in ACTS.items() if frame.may(act.verb)]


def _read(form: Form, model: type[Request], **given: Any) -> Request:
    """Return the form as the API's request: the chosen rows, or the filter with those that are left out."""
    chosen: dict[str, Any] = {"assignmentIds": form.several("ids")}
    if form.text("matching"):
        sent = {name.removeprefix("filter."): form.text(name) for name in form.values if name.startswith("filter.")}
        found: dict[str, Any] = {name: value for name, value in sent.items() if name != "sort"}
        if "overdue" in found:
            found["overdue"] = found["overdue"] == "true"
        chosen = {"filter": found or {"all": True}}
        if left_out := form.several("except"):
            chosen["exceptIds"] = left_out
    return form.read(model, **chosen, **given)


def _page(frame: Frame, form: Form, db: Session, preview: BulkPreview | None = None) -> Response:
    mail = deliveries.can_send_mail(db, frame.caller, frame.words.now)
    name = form.text("act") if form.text("act") in ACTS else "remind"
    return frame.page("act.html", form=form, name=name, act=ACTS[name], preview=preview, mail=mail)


@router.get("/act", dependencies=[allow()])
@router.post("/act", dependencies=[allow()])
def show(frame: CurrentFrame, form: CurrentForm, db: Db) -> Response:
    """The form of an act on what was chosen in the list."""
    return _page(frame, form, db)


_HERE = form_of("/assignments/act")


@router.post("/remind/preview", dependencies=[allow(bulk.preview_reminding), _HERE])
def preview_reminding(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The form, with what a reminder would do."""
    return _page(frame, form, db, bulk.preview_reminding(db, caller, _read(form, RemindRequest), now))


@router.post("/remind", dependencies=[allow(bulk.remind_parties), _HERE])
def remind(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit a job that reminds."""
    body = _read(form, RemindRequest)
    accepted = bulk.remind_parties(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


@router.post("/close/preview", dependencies=[allow(bulk.preview_closing), _HERE])
def preview_closing(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The form, with what closing would do."""
    return _page(frame, form, db, bulk.preview_closing(db, caller, _read(form, BulkCloseRequest), now))


@router.post("/close", dependencies=[allow(bulk.close_assignments), _HERE])
def close(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit a job that closes."""
    body = _read(form, BulkCloseRequest)
    accepted = bulk.close_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


@router.post("/reopen/preview", dependencies=[allow(bulk.preview_reopening), _HERE])
def preview_reopening(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The form, with what reopening would do."""
    return _page(frame, form, db, bulk.preview_reopening(db, caller, _read(form, BulkReopenRequest), now))


@router.post("/reopen", dependencies=[allow(bulk.reopen_assignments), _HERE])
def reopen(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit a job that reopens."""
    body = _read(form, BulkReopenRequest)
    accepted = bulk.reopen_assignments(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


def _change(form: Form) -> BulkChangeRequest:
    """Return the request of a change. A due date is taken away by its box, as an empty field means "as it is"."""
    values: dict[str, Any] = {name: form.text(name) for name in ("dueOn", "reason") if form.text(name).strip()}
    if form.checked("noDueDate"):
        values["dueOn"] = None
    return _read(form, BulkChangeRequest, set=values)


@router.post("/change/preview", dependencies=[allow(bulk.preview_change), _HERE])
def preview_change(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The form, with what the change would do."""
    return _page(frame, form, db, bulk.preview_change(db, caller, _change(form), now))


@router.post("/change", dependencies=[allow(bulk.change_assignments), _HERE])
def change(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit a job that changes."""
    accepted = bulk.change_assignments(db, caller, _change(form), accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)
