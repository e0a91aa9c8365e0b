"""The form that assigns a course: choose, see what would happen, submit, and follow the job on its page."""

import re

from fastapi import Response
from sqlalchemy.orm import Session

from api.console.forms import CurrentForm, Form, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.assignments import AssignmentRequest, Preview
from shared.services import assignments, deliveries, overview
from shared.services.overview import Choices

router = ConsoleRouter("/assign")

_BETWEEN_IDS = re.compile(r"[\s,;]+")


def _request(form: Form) -> AssignmentRequest:
    """Return the form as the API's request. Pasted ids may be separated by blanks, commas or line breaks."""
    ids = [one for one in _BETWEEN_IDS.split(form.text("recipients")) if one]
    return form.read(
        AssignmentRequest,
        lists=["folderIds"],
        recipients=[{"entityType": "party", "entityId": one} for one in ids],
        notify=form.checked("notify"),
        ifCompleted="skip" if form.checked("ifCompleted") else "assign",
        ifLicensed="skip" if form.checked("ifLicensed") else "assign",
    )


@router.get("", dependencies=[allow(overview.assignment_choices)])
def show(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form, empty, as its address suggests, or as it was refused."""
    return _page(frame, form, db, overview.assignment_choices(db, caller))


@router.post("/preview", dependencies=[allow(assignments.preview_assignments), form_of("/assign")])
def preview(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The same form, with what would happen. Nothing is written."""
    found = assignments.preview_assignments(db, caller, _request(form), now)
    return _page(frame, form, db, overview.assignment_choices(db, caller), found)


def _page(frame: Frame, form: Form, db: Session, choices: Choices, preview: Preview | None = None) -> Response:
    mail = deliveries.can_send_mail(db, frame.caller, frame.words.now)
    return frame.page("assign.html", form=form, choices=choices, preview=preview, mail=mail)


@router.post("", dependencies=[allow(assignments.submit_assignments)])
def submit(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit the job, and lead to its page."""
    accepted = assignments.submit_assignments(
        db, caller, _request(form), accepting.key, workers=accepting.workers, now=now
    )
    return made_job(response, accepted, accepting)
