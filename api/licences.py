"""Licences at the front desk: list, read, correct, revoke."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from sqlalchemy.orm import Session

from api.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentService, Cursor, Db, Limit, Now, allow
from api.etags import Expected, etag
from api.exports import csv_of, wants_csv
from api.routing import Router
from shared import licences
from shared.access import Permission
from shared.database import ID_PATTERN
from shared.licences import Filters, LicenceAnswer, LicenceChanges, LicenceState, RevocationRequest, Sort
from shared.pagination import page
from shared.wire import Listing, ReceivedInstant

router = Router("/v1/licences", "licences")

SEES = (Permission.VIEW, Permission.ADMIN)

LicencesListing = Listing[LicenceAnswer]


async def _filters(
    now: Now,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    course_id: Annotated[uuid.UUID | None, Query(alias="courseId")] = None,
    course_version_id: Annotated[uuid.UUID | None, Query(alias="courseVersionId")] = None,
    session_id: Annotated[uuid.UUID | None, Query(alias="sessionId")] = None,
    state: Annotated[LicenceState | None, Query()] = None,
    folder_id: Annotated[str | None, Query(alias="folderId", pattern=ID_PATTERN)] = None,
    expires_before: Annotated[ReceivedInstant | None, Query(alias="expiresBefore")] = None,
    expires_after: Annotated[ReceivedInstant | None, Query(alias="expiresAfter")] = None,
) -> Filters:
    return Filters(
        now=now,
        party_id=party_id,
        course_id=course_id,
        course_version_id=course_version_id,
        session_id=session_id,
        state=state,
        folder_id=folder_id,
        expires_before=expires_before,
        expires_after=expires_after,
    )


@router.get("", dependencies=[allow(*SEES)])
def list_licences(
    db: Db,
    caller: CurrentCaller,
    service: CurrentService,
    request: Request,
    filters: Annotated[Filters, Depends(_filters)],
    sort: Annotated[Sort, Query()] = Sort.NEWEST,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """Licences in the caller's scope. `Accept: text/csv` streams every matching row."""
    rows = licences.listed(db, filters, caller.folders, sort)
    if wants_csv(request):
        as_answer = lambda row: LicenceAnswer.of(row, filters.now)  # noqa: E731
        return csv_of(LicenceAnswer, as_answer, rows, service, caller, name="licences")
    found = page(db, rows, limit=limit, cursor=cursor)
    return LicencesListing(
        items=[LicenceAnswer.of(row, filters.now) for row in found.items], next_cursor=found.next_cursor
    )


@router.get("/{licence_id}", dependencies=[allow(*SEES)])
def read_licence(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, response: Response) -> LicenceAnswer:
    """One licence in the caller's scope. Its ETag goes into the If-Match of a change."""
    return _answer(db, licence_id, caller.folders, now, response)


@router.patch("/{licence_id}", dependencies=[allow(Permission.ADMIN)])
def correct(
    licence_id: uuid.UUID,
    body: LicenceChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> LicenceAnswer:
    """Correct the end or the note, with a reason. 409 `licence-revoked` for a revoked one, 412 when stale."""
    licence = licences.locked(db, licence_id, caller.folders, expected=expected)
    changes = body.model_dump(exclude_unset=True, exclude={"reason"})
    licences.correct(db, licence, changes, body.reason, caller.actor, now)
    return _answer(db, licence_id, caller.folders, now, response)


@router.post("/{licence_id}/revoke", dependencies=[allow(Permission.ADMIN)])
def revoke(
    licence_id: uuid.UUID,
    body: RevocationRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> LicenceAnswer:
    """Take it back for good. 409 `licence-revoked` when that was done before."""
    licence = licences.locked(db, licence_id, caller.folders, expected=expected)
    licences.revoke(db, licence, body.reason, caller.actor, now)
    return _answer(db, licence_id, caller.folders, now, response)


def _answer(
    db: Session, licence_id: uuid.UUID, scope: frozenset[str] | None, now: datetime, response: Response
) -> LicenceAnswer:
    row = licences.get(db, licence_id, scope)
    response.headers["ETag"] = etag(row[0].revision)
    return LicenceAnswer.of(row, now)
