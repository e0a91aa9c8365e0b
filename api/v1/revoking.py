"""Revoking many licences: a job, and a preview that writes nothing. One licence alone: `api.v1.licences`."""

from fastapi import Response, status

from api.http.accepting import Accepting
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from api.v1.jobs import answer_accepted
from shared.assignments import BulkPreview
from shared.jobs import JobAnswer
from shared.licences import BulkRevocationRequest
from shared.services import revoking

router = Router("/v1/licences", "licences")


@router.post("/revoke", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(revoking.revoke_licences)])
def revoke_licences(
    body: BulkRevocationRequest, db: Db, caller: CurrentCaller, accepting: Accepting, now: Now, response: Response
) -> JobAnswer:
    """Submit a job that revokes licences: named ones, or those that match a filter now.

    A revoked licence stays revoked. The undo of the job grants a new one with the same dates to every party that nobody
    has licensed since.
    """
    accepted = revoking.revoke_licences(db, caller, body, accepting.key, workers=accepting.workers, now=now)
    return answer_accepted(accepted, accepting, response)


@router.post("/revoke/preview", dependencies=[allow(revoking.preview_revocation)])
def preview_licence_revocation(body: BulkRevocationRequest, db: Db, caller: CurrentCaller, now: Now) -> BulkPreview:
    """Count the outcomes that a revocation would have now, with up to 20 parties of each."""
    return revoking.preview_revocation(db, caller, body, now)
