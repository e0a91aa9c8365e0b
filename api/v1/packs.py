"""Packs of evidence for outsiders: asked for as a job, listed, and fetched as a ZIP file."""

import uuid

from fastapi import Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.lists import AskedList
from api.http.packing import PackFile, file_of
from api.http.routing import Router
from api.v1.jobs import answer_accepted
from shared.jobs import JobAnswer
from shared.packs import PackAnswer, PackPreview, PackRequest
from shared.services import packs
from shared.wire import Listing

router = Router("/v1/packs", "packs")


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(packs.make_pack)])
def make_pack(
    body: PackRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit the making of a pack as a job: what held at the end of a day for up to 1,000 people, with proofs.

    Its `request` names the pack as `packId`. When the job has ended, the pack's file is kept for 7 days.
    """
    accepted = packs.make_pack(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/preview", dependencies=[allow(packs.preview_pack)])
def preview_pack(body: PackRequest, db: Db, caller: CurrentCaller, now: Now) -> PackPreview:
    """How large a pack would be now. Writes nothing."""
    return packs.preview_pack(db, caller, body, now)


@router.get("", dependencies=[allow(packs.list_packs)])
def list_packs(asked: AskedList, now: Now) -> Listing[PackAnswer]:
    """The packs that are kept, the newest first. With a scope: those whose people are all in it."""
    return asked.page(packs.list_packs(asked.db, asked.caller, now), PackAnswer, PackAnswer.of)


@router.get("/{pack_id}", dependencies=[allow(packs.get_pack)])
def read_pack(pack_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> PackAnswer:
    """One pack."""
    return PackAnswer.of(packs.get_pack(db, caller, pack_id, now))


@router.get(
    "/{pack_id}/file",
    dependencies=[allow(packs.fetch_pack)],
    response_class=PackFile,
)
def export_pack(pack_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """The file of a pack, a ZIP. Each fetch is an event. 409 `pack-not-ready` until its job has ended."""
    return file_of(parts, caller.org_id, packs.fetch_pack(db, caller, pack_id, now))
