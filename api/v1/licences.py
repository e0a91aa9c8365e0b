"""Licences: list, read, correct, revoke."""

import uuid
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Response

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router
from api.v1.etags import Expected, etag
from api.v1.lists import AskedList
from shared.database import ID_PATTERN
from shared.licences import Filters, LicenceAnswer, LicenceChanges, LicenceState, RevocationRequest, Sort
from shared.services import licences
from shared.services.licences import Shown
from shared.wire import Listing, ReceivedInstant

router = Router("/v1/licences", "licences")


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


@router.get("", dependencies=[allow(licences.list_licences)])
def list_licences(
    asked: AskedList,
    filters: Annotated[Filters, Depends(_filters)],
    sort: Annotated[Sort, Query()] = Sort.NEWEST,
) -> Listing[LicenceAnswer]:
    """Licences in the caller's scope. `Accept: text/csv` streams every matching row."""
    rows = licences.list_licences(asked.db, asked.caller, filters, sort)
    return asked.page(rows, LicenceAnswer, lambda row: LicenceAnswer.of(row, filters.now), name="licences")


@router.get("/{licence_id}", dependencies=[allow(licences.get_licence)])
def read_licence(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, response: Response) -> LicenceAnswer:
    """One licence in the caller's scope. Send its `ETag` as `If-Match` to change it."""
    return _answer(licences.get_licence(db, caller, licence_id), now, response)


@router.patch("/{licence_id}", dependencies=[allow(licences.correct_licence)])
def correct(
    licence_id: uuid.UUID,
    body: LicenceChanges,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> LicenceAnswer:
    """Correct the beginning, the end or the note of a licence, with a reason.

    409 `licence-revoked`, 412 if `If-Match` is stale.
    """
    return _answer(licences.correct_licence(db, caller, licence_id, body, expected, now), now, response)


@router.post("/{licence_id}/revoke", dependencies=[allow(licences.revoke_licence)])
def revoke(
    licence_id: uuid.UUID,
    body: RevocationRequest,
    db: Db,
    caller: CurrentCaller,
    expected: Expected,
    now: Now,
    response: Response,
) -> LicenceAnswer:
    """Revoke a licence for good. 409 `licence-revoked` if it is revoked."""
    return _answer(licences.revoke_licence(db, caller, licence_id, body.reason, expected, now), now, response)


def _answer(shown: Shown, now: datetime, response: Response) -> LicenceAnswer:
    response.headers["ETag"] = etag(shown[0].revision)
    return LicenceAnswer.of(shown, now)
