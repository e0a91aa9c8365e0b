"""Revoking many licences as a job, with its preview and its undo. One licence alone: `services.licences`.

A preview and the job's chunk decide by the same function (`decide` of `licences.revocations`), so they cannot differ.
"""

import uuid
from datetime import datetime

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, clock, directory, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import BulkPreview, UndoJob
from shared.jobs import Accepted, Chunk, Key, Kind, Tally, Undo, declare
from shared.licences import BulkRevocationRequest, Filters, RevokeJob
from shared.services.selecting import NOTHING_MATCHES
from shared.services.submitting import need_recipients, submit
from shared.services.verbs import verb


def _grant_again(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    return licences.grant_chunk_again(db, chunk, request.undo_of, now)


REVOKE = declare(
    Kind(
        name="licences.revoke",
        request=RevokeJob,
        work=licences.revoke_chunk,
        needs=Permission.ADMIN,
        record="licence",
        undo=Undo(licences.revoked_by, _grant_again, licences.foresee_granting_again, by="licence"),
    )
)


@verb(Permission.ADMIN)
def revoke_licences(
    db: Session, caller: Caller, body: BulkRevocationRequest, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit a job that revokes licences: named ones, or those that match a filter now."""
    if earlier := jobs.replayed(db, key, body):
        return earlier
    request, recipients = RevokeJob(by="licence", reason=body.reason), _select_licences(db, caller, body, now)
    accepted = submit(db, caller, REVOKE, request, recipients, key=key, body=body, workers=workers, now=now)
    return need_recipients(accepted, *NOTHING_MATCHES)


@verb(Permission.ADMIN)
def preview_revocation(db: Session, caller: Caller, body: BulkRevocationRequest, now: datetime) -> BulkPreview:
    """Return the outcomes that a revocation would have now."""
    ids = [uuid.UUID(one) for one in db.scalars(_select_licences(db, caller, body, now))]
    return BulkPreview.of(licences.foresee_revoking(db, ids, caller.folders))


def _select_licences(db: Session, caller: Caller, body: BulkRevocationRequest, now: datetime) -> Select[str]:
    """Select the licences that a request names, as a job's recipients. Of a filter the part that the caller sees."""
    if body.licence_ids is not None:
        return directory.recipients(party_ids={str(one) for one in body.licence_ids}, folder_ids=[])
    given = body.filter.given() if body.filter else {}
    zone = access.get_organization(db).time_zone
    moments = {name: clock.instant_of(zone, given[name]) for name in given if name.startswith("expires_")}
    filters = Filters(now, **given | moments)
    return licences.select_recipients(db, filters, caller.folders, without=body.except_ids or ())
