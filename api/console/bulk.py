"""Bulk acts on a list: on the chosen rows, or on all that match but those that were unticked.

The form carries the filter that was shown and the number that it showed; the server looks again, and says if the
number is another one now. Each act is previewed, and becomes a job. `ON_ASSIGNMENTS` and `ON_LICENCES` are the tables
of them, one for each list that has acts.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi import Response
from sqlalchemy.orm import Session

from api.console.columns import COLUMNS
from api.console.forms import CurrentForm, Form, FormAccepting, made_job, need_number, previewed
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.console.listing import address_of
from api.console.visits import RECENT
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.assignments import (
    BulkChangeRequest,
    BulkCloseRequest,
    BulkCompletionRequest,
    BulkPreview,
    BulkReopenRequest,
    RemindRequest,
)
from shared.licences import BulkRevocationRequest
from shared.services import assignment_changes, bulk, deliveries, overview, revoking
from shared.services.verbs import AnyVerb
from shared.texts import N_


class Act(NamedTuple):
    """An act: its title, a sentence about it, its verb and the verb of its preview, and how its form is read.

    read: returns what the request has besides the selection. Fields with the request's own names are read without it.
    kind: of its jobs, where the form suggests the reasons of the caller's former ones. recent: it needs a sign-in not
    older than 5 minutes.
    """

    title: str
    intro: str
    verb: AnyVerb
    preview: AnyVerb
    request: Any
    read: Callable[[Form], dict[str, Any]] = lambda _: {}
    kind: str = ""
    recent: bool = False


class Acts(NamedTuple):
    """The acts of a list. address: of the list. ids: the name of the chosen rows in the API's requests."""

    address: str
    ids: str
    table: Mapping[str, Act]

    def allowed(self, frame: Frame) -> list[tuple[str, str]]:
        """Return the acts that the caller may do: their names and titles."""
        return [(name, act.title) for name, act in self.table.items() if act.verb.may(frame.caller)]


def _changed(form: Form) -> dict[str, Any]:
    """Return the new values. A due date is taken away by its box, as an empty field means "as it is"."""
    values: dict[str, Any] = {name: form.text(name) for name in ("dueOn", "reason") if form.text(name).strip()}
    return {"set": values | ({"dueOn": None} if form.checked("noDueDate") else {})}


def _moved(form: Form) -> dict[str, Any]:
    return {"set": {"courseId": form.text("courseId")}}


_ACTS_ON_ASSIGNMENTS = {
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
        kind=bulk.CLOSE.name,
    ),
    "reopen": Act(
        N_("Reopen"),
        N_("Licences that the completions earned are taken back. It can be undone."),
        bulk.reopen_assignments,
        bulk.preview_reopening,
        BulkReopenRequest,
        kind=bulk.REOPEN.name,
    ),
}


ON_ASSIGNMENTS = Acts("/assignments", "assignmentIds", _ACTS_ON_ASSIGNMENTS)

_REVOKE = Act(
    N_("Revoke"),
    N_(
        "A revoked licence stays revoked, and so does its certificate; its holder is told. "
        "Undoing it within 14 days gives new licences with the same dates."
    ),
    revoking.revoke_licences,
    revoking.preview_revocation,
    BulkRevocationRequest,
    kind=revoking.REVOKE.name,
    recent=True,
)

ON_LICENCES = Acts("/licences", "licenceIds", {"revoke": _REVOKE})


def _filter(form: Form) -> dict[str, str]:
    """Return the filter that the list had, with its order."""
    sent = {name.removeprefix("filter."): form.text(name) for name in form.values if name.startswith("filter.")}
    return {name: value for name, value in sent.items() if value}


def _read(form: Form, acts: Acts, act: Act) -> Any:
    """Return the form as the API's request: the chosen rows, or the filter with those that are left out."""
    chosen: dict[str, Any] = {acts.ids: form.several("ids")}
    if form.text("matching"):
        found: dict[str, Any] = {name: value for name, value in _filter(form).items() if name != "sort"}
        if "overdue" in found:
            found["overdue"] = found["overdue"] == "true"
        chosen = {"filter": found or {"all": True}}
        if left_out := form.several("except"):
            chosen["exceptIds"] = left_out
    return form.read(act.request, **chosen, **act.read(form))


def _page(frame: Frame, form: Form, db: Session, acts: Acts, name: str, preview: BulkPreview | None = None) -> Response:
    act = acts.table[name]
    mail = name not in _TELLS or deliveries.can_send_mail(db, frame.caller, frame.words.now)
    courses = overview.published_courses(db, frame.caller) if name == "move" else []
    reasons = overview.own_reasons(db, frame.caller, act.kind) if act.kind else []
    columns = {COLUMNS: form.text(COLUMNS)} if form.text(COLUMNS) else {}
    back = address_of(acts.address, _filter(form) | columns)
    shown: dict[str, Any] = {"name": name, "act": act, "acts": acts, "preview": preview, "mail": mail, "back": back}
    return frame.page("act.html", form=form, courses=courses, reasons=reasons, **shown)


_TELLS = {"remind", "revoke"}
"""The acts whose page says so if mail is switched off."""


def _routes(acts: Acts) -> ConsoleRouter:
    """Return the routes of the acts of a list: the form, and for each act its preview and its submission."""
    router = ConsoleRouter(acts.address)

    @router.get("/act", dependencies=[allow()])
    @router.post("/act", dependencies=[allow()])
    def show(frame: CurrentFrame, form: CurrentForm, db: Db) -> Response:
        """The form of an act on what was chosen in the list."""
        return _page(
            frame, form, db, acts, form.text("act") if form.text("act") in acts.table else next(iter(acts.table))
        )

    for name, act in acts.table.items():
        _add(router, acts, name, act)
    return router


def _add(router: ConsoleRouter, acts: Acts, name: str, act: Act) -> None:
    """Add the two routes of an act: its preview and its submission."""
    here, looked_at = form_of(f"{acts.address}/act"), f"{acts.address}/{name}/preview"
    checks = [*([RECENT] if act.recent else []), previewed(looked_at), here]

    @router.post(f"/{name}/preview", dependencies=[allow(act.preview), here])
    def preview(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
        return _page(frame, form, db, acts, name, act.preview(db, caller, _read(form, acts, act), now))

    @router.post(f"/{name}", dependencies=[allow(act.verb), *checks])
    def submit(
        form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
    ) -> Response:
        request = _read(form, acts, act)
        if form.text("matching"):
            need_number(form, accepting.key, looked_at, lambda: act.preview(db, caller, request, now).number)
        accepted = act.verb(db, caller, request, accepting.key, workers=accepting.workers, now=now)
        return made_job(response, accepted, accepting)


assignments, licences = _routes(ON_ASSIGNMENTS), _routes(ON_LICENCES)
