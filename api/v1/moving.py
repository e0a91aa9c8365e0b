"""Merging two parties and giving a party another id: each is a job that a second member approves."""

from fastapi import Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from api.v1.directory import PartyId
from api.v1.jobs import answer_accepted
from shared.directory import MergeRequest, MovePreview, RenumberRequest
from shared.jobs import JobAnswer
from shared.services import moving

router = Router("/v1/parties/{party_id}", "directory")


@router.post("/merge", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(moving.merge_party)])
def merge_parties(
    party_id: PartyId,
    body: MergeRequest,
    db: Db,
    caller: CurrentCaller,
    accepting: Accepting,
    now: Now,
    response: Response,
) -> JobAnswer:
    """Submit a job that merges the party with another one, which gets its history. It waits for a second member.

    The party's id is a former one from then on: it answers 301 `party-renumbered`, and is never given to anybody else.
    """
    accepted = moving.merge_party(db, caller, party_id, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/merge/preview", dependencies=[allow(moving.preview_merge)])
def preview_merging(party_id: PartyId, body: MergeRequest, db: Db, caller: CurrentCaller, now: Now) -> MovePreview:
    """Count what a merge would move now, and name what both parties have and one would keep. Writes nothing."""
    return moving.preview_merge(db, caller, party_id, body, now)


@router.post("/renumber", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(moving.renumber_party)])
def renumber_party(
    party_id: PartyId,
    body: RenumberRequest,
    db: Db,
    caller: CurrentCaller,
    accepting: Accepting,
    now: Now,
    response: Response,
) -> JobAnswer:
    """Submit a job that gives the party another id, with its history. It waits for a second member.

    The present id is a former one from then on: it answers 301 `party-renumbered`, and is never given to anybody else.
    """
    accepted = moving.renumber_party(db, caller, party_id, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/renumber/preview", dependencies=[allow(moving.preview_renumbering)])
def preview_renumbering(
    party_id: PartyId, body: RenumberRequest, db: Db, caller: CurrentCaller, now: Now
) -> MovePreview:
    """Count what would get the new id now. Writes nothing."""
    return moving.preview_renumbering(db, caller, party_id, body, now)
