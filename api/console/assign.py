"""The form that assigns a course: choose, see what would happen, submit, and follow the job on its page."""

import re
import uuid
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Response
from sqlalchemy.orm import Session

from api.console.forms import CurrentForm, Form, FormAccepting, made_job, need_number, previewed
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.console.visits import CurrentVisit
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.access import Caller
from shared.assignments import AssignmentRequest, Preview
from shared.services import assignments, deliveries, overview, uploads
from shared.services.overview import Choices
from shared.services.uploads import Owned
from shared.uploads import Purpose

router = ConsoleRouter("/assign")

_BETWEEN_IDS = re.compile(r"[\s,;]+")


async def _file(form: CurrentForm, visit: CurrentVisit) -> Owned | None:
    """Return the file of recipients that the form names. One that is no id is none."""
    try:
        return Owned(uuid.UUID(form.text("file")), Purpose.RECIPIENTS, visit.sign_in_id)
    except ValueError:
        return None


SentFile = Annotated[Owned | None, Depends(_file)]


def _request(db: Session, caller: Caller, form: Form, file: Owned | None, now: datetime) -> AssignmentRequest:
    """Return the form as the API's request, with the recipients of its file.

    Pasted ids may be separated by blanks, commas or line breaks.
    """
    ids = [one for one in _BETWEEN_IDS.split(form.text("recipients")) if one]
    in_file = uploads.get_recipients(db, caller, file, now) if file else []
    return form.read(
        AssignmentRequest,
        lists=["folderIds"],
        recipients=[{"entityType": "party", "entityId": one} for one in [*in_file, *ids]],
        notify=form.checked("notify"),
        ifCompleted="skip" if form.checked("ifCompleted") else "assign",
        ifLicensed="skip" if form.checked("ifLicensed") else "assign",
    )


@router.get("", dependencies=[allow(overview.assignment_choices)])
def show(frame: CurrentFrame, form: CurrentForm, file: SentFile, db: Db, caller: CurrentCaller) -> Response:
    """The form, empty, as its address suggests, or as it was refused."""
    return _page(frame, form, db, overview.assignment_choices(db, caller), file)


@router.post("/preview", dependencies=[allow(assignments.preview_assignments), form_of("/assign")])
def preview(
    frame: CurrentFrame, form: CurrentForm, file: SentFile, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The same form, with what would happen. Nothing is written."""
    found = assignments.preview_assignments(db, caller, _request(db, caller, form, file, now), now)
    return _page(frame, form, db, overview.assignment_choices(db, caller), file, found)


def _page(
    frame: Frame, form: Form, db: Session, choices: Choices, file: Owned | None, preview: Preview | None = None
) -> Response:
    upload = uploads.get_upload(db, frame.caller, file, frame.words.now) if file else None
    mail = deliveries.can_send_mail(db, frame.caller, frame.words.now)
    return frame.page("assign.html", form=form, choices=choices, preview=preview, mail=mail, upload=upload)


@router.post("", dependencies=[allow(assignments.submit_assignments), previewed("/assign/preview")])
def submit(
    form: CurrentForm,
    file: SentFile,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job, and lead to its page."""
    request = _request(db, caller, form, file, now)
    if form.several("folderIds"):  # people come and go in folders
        preview = assignments.preview_assignments
        need_number(form, accepting.key, "/assign/preview", lambda: preview(db, caller, request, now).number)
    accepted = assignments.submit_assignments(db, caller, request, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)
