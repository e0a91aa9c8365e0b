"""Merging a person with another one and giving a person another id: a form, what would happen, and the job."""

from typing import Annotated, NamedTuple

from fastapi import Path, Response

from api.console.forms import CurrentForm, Form, FormAccepting, made_job, previewed
from api.console.frame import ConsoleRouter, CurrentFrame, Frame, form_of
from api.http.dependencies import CurrentCaller, Db, Now, allow
from shared.database import ID_PATTERN
from shared.directory import MergeRequest, MovePreview, RenumberRequest
from shared.services import moving
from shared.texts import N_

router = ConsoleRouter("/parties/{party_id}")

PartyId = Annotated[str, Path(pattern=ID_PATTERN)]


class Act(NamedTuple):
    """An act: its title, a sentence about it, and the field that names the other id, with its label and hint."""

    title: str
    intro: str
    field: str
    label: str
    hint: str


MERGE = Act(
    N_("Merge"),
    N_("Two entries are one person: everything recorded of this one moves to the other one, which stays."),
    "into",
    N_("Id of the person that stays"),
    N_("Name, address and folders of that one stay as they are."),
)
RENUMBER = Act(
    N_("Renumber"),
    N_("The person gets another id, with everything recorded. The present id leads to the new one from then on."),
    "entityId",
    N_("New id"),
    N_("Nobody may have it or have had it."),
)


def _page(frame: Frame, party_id: str, act: Act, form: Form, preview: MovePreview | None = None) -> Response:
    name = "merge" if act is MERGE else "renumber"
    return frame.page("party_move.html", party_id=party_id, act=act, name=name, form=form, preview=preview)


@router.get("/merge", dependencies=[allow(moving.get_party_to_move)])
def show_merge(party_id: PartyId, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a merge."""
    moving.get_party_to_move(db, caller, party_id)
    return _page(frame, party_id, MERGE, form)


@router.get("/renumber", dependencies=[allow(moving.get_party_to_move)])
def show_renumbering(
    party_id: PartyId, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller
) -> Response:
    """The form of a new id."""
    moving.get_party_to_move(db, caller, party_id)
    return _page(frame, party_id, RENUMBER, form)


@router.post("/merge/preview", dependencies=[allow(moving.preview_merge), form_of("/parties/{party_id}/merge")])
def preview_merge(
    party_id: PartyId, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The form, with what the merge would do."""
    found = moving.preview_merge(db, caller, party_id, form.read(MergeRequest), now)
    return _page(frame, party_id, MERGE, form, found)


@router.post(
    "/renumber/preview", dependencies=[allow(moving.preview_renumbering), form_of("/parties/{party_id}/renumber")]
)
def preview_renumbering(
    party_id: PartyId, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """The form, with what the new id would do."""
    found = moving.preview_renumbering(db, caller, party_id, form.read(RenumberRequest), now)
    return _page(frame, party_id, RENUMBER, form, found)


@router.post("/merge", dependencies=[allow(moving.merge_party), previewed("/parties/{party_id}/merge/preview")])
def merge(
    party_id: PartyId,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job that merges, and lead to its page, where another member approves it."""
    body = form.read(MergeRequest)
    accepted = moving.merge_party(db, caller, party_id, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)


@router.post(
    "/renumber", dependencies=[allow(moving.renumber_party), previewed("/parties/{party_id}/renumber/preview")]
)
def renumber(
    party_id: PartyId,
    form: CurrentForm,
    db: Db,
    caller: CurrentCaller,
    accepting: FormAccepting,
    now: Now,
    response: Response,
) -> Response:
    """Submit the job that gives the new id, and lead to its page, where another member approves it."""
    body = form.read(RenumberRequest)
    accepted = moving.renumber_party(db, caller, party_id, body, accepting.key, workers=accepting.workers, now=now)
    return made_job(response, accepted, accepting)
