"""Packs of evidence: the list, the form with its preview, a pack's page, and its file."""

import re
import uuid
from typing import Any

from fastapi import Request, Response

from api.console.columns import Column
from api.console.forms import CurrentForm, Form, FormAccepting, made_job, previewed
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.console.listing import ListPage, list_page
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.lists import AskedList
from api.http.packing import PackFile, file_of
from shared.packs import PackAnswer, PackContent, PackPreview, PackRequest
from shared.services import naming, packs
from shared.texts import N_

router = ConsoleRouter("/packs")

PAGE = ListPage(
    title=N_("Packs"),
    template="packs.html",
    address="/packs",
    model=PackAnswer,
    named=lambda pack: (f"member/{pack.asked_by}",),
    columns=(
        Column("day", N_("As of the end of")),
        Column("people", N_("People"), "number"),
        Column("state", N_("State")),
        Column("asked", N_("Asked for"), "wide", zoned=True),
        Column("until", N_("Kept until"), "wide", zoned=True),
    ),
)

CONTENTS = {
    PackContent.LICENCES: N_("licences on that day"),
    PackContent.COMPLETIONS: N_("completed training"),
    PackContent.SHEETS: N_("a sheet for each person and a summary, to print (PDF)"),
}

_BETWEEN_IDS = re.compile(r"[\s,;]+")


def _request(form: Form) -> PackRequest:
    """Return the form as the API's request. Without parties and folders it is for everybody in the caller's scope."""
    chosen: dict[str, Any] = {
        "partyIds": [one for one in _BETWEEN_IDS.split(form.text("partyIds")) if one],
        "folderIds": form.several("folderIds"),
        "courseIds": form.several("courseIds"),
    }
    if form.checked("all"):
        chosen["all"] = True
    return form.read(PackRequest, lists=["include"], filter=chosen)


def _page(frame: Frame, form: Form, choices: Any, preview: PackPreview | None = None) -> Response:
    return frame.page("pack_new.html", form=form, choices=choices, contents=CONTENTS, preview=preview)


@router.list_of("", packs.list_packs)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList, now: Now) -> Response:
    """The list, or all of it as a file."""
    return list_page(frame, request, asked, PAGE, packs.list_packs(asked.db, asked.caller, now), PackAnswer.of)


@router.get("/new", dependencies=[allow(packs.pack_choices)])
def show_form(frame: CurrentFrame, form: CurrentForm, db: Db) -> Response:
    """The form of a new pack."""
    return _page(frame, form, packs.pack_choices(db, frame.caller))


@router.post("/preview", dependencies=[allow(packs.preview_pack), form_of("/packs/new")])
def preview_pack(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The form, with how large the pack would be. Nothing is written."""
    preview = packs.preview_pack(db, caller, _request(form), now)
    return _page(frame, form, packs.pack_choices(db, caller), preview)


@router.post("/new", dependencies=[allow(packs.make_pack), previewed("/packs/preview")])
def make(
    form: CurrentForm, db: Db, caller: CurrentCaller, accepting: FormAccepting, now: Now, response: Response
) -> Response:
    """Submit the job, and lead to its page."""
    accepted = packs.make_pack(db, caller, _request(form), accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


@router.get("/{pack_id}.zip", dependencies=[allow(packs.fetch_pack)], response_class=PackFile)
def fetch(pack_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> PackFile:
    """The file of a pack."""
    return file_of(parts, caller.org_id, packs.fetch_pack(db, caller, pack_id, now))


@router.get("/{pack_id}", dependencies=[allow(packs.get_pack)])
def show(pack_id: uuid.UUID, frame: CurrentFrame, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """One pack, with the head to which its proofs lead."""
    pack = PackAnswer.of(packs.get_pack(db, caller, pack_id, now))
    names = naming.names_of(db, caller, [f"member/{pack.asked_by}"])
    return frame.page("pack.html", pack=pack, contents=CONTENTS, names=names)
