"""Bulk acts on the list of assignments: on the chosen rows, or on all that match but those that were unticked.

The form carries the filter that was shown and the number that it showed; the server looks again, and says if the
number is another one now. Each act is previewed, and becomes a job. `ACTS` is the table of them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import Response
from sqlalchemy.orm import Session

from api.console.forms import CurrentForm, Form, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.assignments import (
    BulkChangeRequest,
    BulkCloseRequest,
    BulkCompletionRequest,
    BulkPreview,
    BulkReopenRequest,
    RemindRequest,
)
from shared.services import assignment_changes, bulk, deliveries, overview
from shared.services.verbs import AnyVerb
from shared.texts import N_

router = ConsoleRouter("/assignments")


class Act(NamedTuple):
    """An act: its title, a sentence about it, its verb and the verb of its preview, and how its form is read.

    read: returns what the request has besides the selection. Fields with the request's own names are read without it.
    """

    title: str
    intro: str
    verb: AnyVerb
    preview: AnyVerb
    request: Any
    read: Callable[[Form], dict[str, Any]] = lambda _: {}


def _changed(form: Form) -> dict[str, Any]:
    """Return the new values. A due date is taken away by its box, as an empty field means "as it is"."""
    values: dict[str, Any] = {name: form.text(name) for name in ("dueOn", "reason") if form.text(name).strip()}
    return {"set": values | ({"dueOn": None} if form.checked("noDueDate") else {})}


def _moved(form: Form) -> dict[str, Any]:
    return {"set": {"courseId": form.text("courseId")}}


ACTS = {
    "remind": Act(
        N_("Remind"),
        N_("Each person is reminded, by a mail with a fresh link."),
        bulk.remind_parties,
        bulk.preview_reminding,
        RemindRequest,
    ),
    "complete": Act(
        N_("Complete"),
        N_("Your sign-off: recorded as done on the persons' behalf. It can be undone."),
        assignment_changes.complete_assignments,
        assignment_changes.preview_completion,
        BulkCompletionRequest,
    ),
    "change": Act(
        N_("Change"),
        N_("Only what you fill in is changed. It can be undone."),
        bulk.change_assignments,
        bulk.preview_change,
        BulkChangeRequest,
        _changed,
    ),
    "move": Act(
        N_("Move"),
        N_("Each assignment is closed, and one of the other course opened with the same due date. It can be undone."),
        bulk.change_assignments,
        bulk.preview_change,
        BulkChangeRequest,
        _moved,
    ),
    "close": Act(
        N_("Close"),
        N_("Nobody owes a closed assignment. It can be undone."),
        bulk.close_assignments,
        bulk.preview_closing,
        BulkCloseRequest,
    ),
    "reopen": Act(
        N_("Reopen"),
        N_("Licences that the completions earned are taken back. It can be undone."),
        bulk.reopen_assignments,
        bulk.preview_reopening,
        BulkReopenRequest,
    ),
}


def acts_for(frame: Frame) -> list[tuple[str, str]]:
    """Return the acts that the caller may do: their names and titles."""
    return [(name, act.title) for name, act in ACTS.items() if act.verb.may(frame.caller)]


def _read(form: Form, act: Act) -> Any:
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
    return form.read(act.request, **chosen, **act.read(form))


def _page(frame: Frame, form: Form, db: Session, name: str, preview: BulkPreview | None = None) -> Response:
    mail = name != "remind" or deliveries.can_send_mail(db, frame.caller, frame.words.now)
    courses = overview.published_courses(db, frame.caller) if name == "move" else []
    shown: dict[str, Any] = {"name": name, "act": ACTS[name], "preview": preview, "mail": mail, "courses": courses}
    return frame.page("act.html", form=form, **shown)


@router.get("/act", dependencies=[allow()])
@router.post("/act", dependencies=[allow()])
def show(frame: CurrentFrame, form: CurrentForm, db: Db) -> Response:
    """The form of an act on what was chosen in the list."""
    return _page(frame, form, db, form.text("act") if form.text("act") in ACTS else "remind")


_HERE = form_of("/assignments/act")


def _add(name: str, act: Act) -> None:
    """Add the two routes of an act: its preview and its submission."""

    @router.post(f"/{name}/preview", dependencies=[allow(act.preview), _HERE])
    def preview(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
        return _page(frame, form, db, name, act.preview(db, caller, _read(form, act), now))

    @router.post(f"/{name}", dependencies=[allow(act.verb), _HERE])
    def submit(
        form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
    ) -> Response:
        accepted = act.verb(db, caller, _read(form, act), accepting.key, workers=accepting.workers, now=now)
        return made_job(response, accepted, accepting)


for _name, _each in ACTS.items():
    _add(_name, _each)
