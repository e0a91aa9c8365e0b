"""Revoking the licences of a chunk, in a fixed number of statements, each as `actions.revoke` revokes one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from shared.jobs import Chunk, OutcomeCode, Tally, store_outcomes
from shared.licences.records.importing import OUTCOMES
from shared.licences.revocations.deciding import Codes, decide, find, ids_of
from shared.licences.revocations.schemas import RevokeJob
from shared.licences.revoking import mark_revoked, record_revoked


def revoke_chunk(db: Session, chunk: Chunk, request: RevokeJob, now: datetime) -> Tally:
    """Revoke every recipient that is not revoked. What it had superseded stays superseded.

    The licences keep no `revoked_job_id`: a member has revoked them by hand, so an amendment grants none of them again
    without `afterRevocation`. The job's outcomes say which ones it revoked.
    """
    ids, actor = ids_of(db, chunk), chunk.job.actor
    codes = decide(ids, find(db, ids, chunk.job.folders, lock=True))
    chosen = [one for one, code in codes.items() if code is OutcomeCode.REVOKED]
    mark_revoked(db, chosen, request.reason, actor, now, None)
    tally = store_codes(db, chunk, codes, {one: one for one, code in codes.items() if code.outcome != "failed"})
    record_revoked(db, chosen, [], actor, now, {"reason": request.reason, "jobId": str(chunk.job.id)})
    return tally


def store_codes(db: Session, chunk: Chunk, codes: Codes, named: Mapping[UUID, UUID]) -> Tally:
    """Store the outcome of every recipient of a chunk. named: the licence that its result names, if any."""
    rows: list[dict[str, Any]] = [
        {"entity_id": one, "outcome": code.outcome, "code": code, "record_id": named.get(one), "detail": None}
        for one, code in codes.items()
    ]
    known = {"org": chunk.job.org_id, "job": chunk.job.id, "rows": orjson.dumps(rows).decode()}
    return store_outcomes(db, OUTCOMES.bindparams(**known), detailed=True)
