"""Uploads: send a file, say what its columns are, repair rows in the page, and let the good ones go in."""

import re
import uuid
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from fastapi.responses import RedirectResponse

from api.console.forms import CurrentForm, FormAccepting, made_job
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.visits import CurrentVisit
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.rows import repaired
from api.http.sent_files import SentFile
from shared.services import uploads
from shared.services.uploads import Owned
from shared.texts import N_
from shared.uploads import Purpose

router = ConsoleRouter("/import/{purpose}")

TITLES = {
    "recipients": N_("Assign to the people in a file"),
    "people": N_("Import people"),
    "records": N_("Import records of the past"),
}
COUNTS = {
    "recipients": N_("people to assign to"),
    "created": N_("new people"),
    "updated": N_("people who change"),
    "unchanged": N_("rows that change nothing"),
    "recorded": N_("records to bring in"),
    "already-recorded": N_("records that are there already"),
}
NAMES = {
    "entityId": N_("Id"),
    "partyId": N_("Id of the person"),
    "displayName": N_("Name"),
    "email": N_("Mail address"),
    "memberId": N_("Member (id at sign-in)"),
    "active": N_("Active"),
    "timeZone": N_("Time zone"),
    "language": N_("Language"),
    "folders": N_("Folders"),
    "courseId": N_("Id of the course"),
    "courseCode": N_("Code of the course"),
    "versionLabel": N_("Version"),
    "completedOn": N_("Day of the training"),
    "expiresOn": N_("Last day"),
    "issuer": N_("Issuer"),
    "number": N_("Number"),
    "note": N_("Note"),
}
"""A text for each field that a column can be."""

_SHOWN: dict[str, Any] = {"titles": TITLES, "counts": COUNTS, "names": NAMES}
_CELL = re.compile(r"cell\.([0-9]{1,9})\.([0-9]{1,4})")


async def _owned(purpose: Purpose, upload_id: uuid.UUID, visit: CurrentVisit) -> Owned:
    return Owned(upload_id, purpose, visit.sign_in_id)


OwnUpload = Annotated[Owned, Depends(_owned)]
_ON_ITS_PAGE = form_of("/import/{purpose}/{upload_id}")


@router.get("", dependencies=[allow(uploads.get_fields)])
def show_form(purpose: Purpose, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form that sends a file."""
    fields = uploads.get_fields(db, caller, purpose)
    return frame.page("upload.html", form=form, purpose=purpose, fields=fields, **_SHOWN)


@router.post("", dependencies=[allow(uploads.keep_upload)])
def send(
    purpose: Purpose, opened: SentFile, db: Db, caller: CurrentCaller, visit: CurrentVisit, now: Now
) -> RedirectResponse:
    """Keep the file, and lead to what was found in it, or to its columns if they are not clear."""
    upload, found = uploads.keep_upload(db, caller, purpose, opened, visit.sign_in_id, now)
    return RedirectResponse(f"/import/{purpose}/{upload.id}" + ("/columns" if found.fault else ""), 303)


@router.get("/{upload_id}", dependencies=[allow(uploads.get_upload)])
def show(
    owned: OwnUpload,
    frame: CurrentFrame,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    now: Now,
    after: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Response:
    """The result of the check: counts, the rows to repair with an input in each wrong cell, and the way on."""
    shown = uploads.get_upload(db, caller, owned, now, after)
    return frame.page(
        "upload_found.html", form=form, shown=shown, found=shown.found, owned=owned, after=after, **_SHOWN
    )


@router.get("/{upload_id}/columns", dependencies=[allow(uploads.get_upload)])
def show_columns(
    owned: OwnUpload, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The columns with what each was taken for and some rows; the form that says it otherwise."""
    found = uploads.get_upload(db, caller, owned, now).found
    fields = uploads.get_fields(db, caller, owned.purpose)
    return frame.page("upload_columns.html", form=form, found=found, fields=fields, owned=owned, **_SHOWN)


@router.post("/{upload_id}/columns", dependencies=[allow(uploads.say_columns)])
def say_columns(owned: OwnUpload, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Say what the columns are."""
    meant = {
        int(name[7:]): values[-1] for name, values in form.values.items() if re.fullmatch(r"column\.\d{1,4}", name)
    }
    found = uploads.say_columns(db, caller, owned, meant, now)
    return RedirectResponse(_address(owned) + ("/columns" if found.fault else ""), 303)


@router.post("/{upload_id}/repair", dependencies=[allow(uploads.repair), _ON_ITS_PAGE])
def repair(owned: OwnUpload, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Put what was typed in place of the cells, and check everything again."""
    cells: dict[int, dict[int, str]] = {}
    for name, values in form.values.items():
        if place := _CELL.fullmatch(name):
            cells.setdefault(int(place[1]), {})[int(place[2])] = values[-1]
    uploads.repair(db, caller, owned, cells, now)
    after = form.text("after")
    return RedirectResponse(_address(owned) + (f"?after={after}" if after.isdecimal() and after != "0" else ""), 303)


@router.get("/{upload_id}/download", dependencies=[allow(uploads.rows_to_repair)], response_class=Response)
def download(owned: OwnUpload, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The rows to repair as a file, with a column of the faults; once corrected, it can be sent as it is.

    It names its class of response, so it is answered in a thread: the whole file is read.
    """
    return repaired(*uploads.rows_to_repair(db, caller, owned, now))


@router.post("/{upload_id}/people", dependencies=[allow(uploads.submit_people), _ON_ITS_PAGE])
def submit_people(owned: OwnUpload, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Put the people of the good rows into the directory."""
    uploads.submit_people(db, caller, owned, now)
    return RedirectResponse(_address(owned), 303)


@router.post("/{upload_id}/records", dependencies=[allow(uploads.submit_records), _ON_ITS_PAGE])
def submit_records(
    owned: OwnUpload,
    _: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job that brings the records of the good rows in."""
    accepted = uploads.submit_records(db, caller, owned, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


def _address(owned: Owned) -> str:
    return f"/import/{owned.purpose}/{owned.upload_id}"
