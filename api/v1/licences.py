"""Licences: list, read, correct, revoke, and mint links to their certificates."""

import uuid
from datetime import datetime

from fastapi import Response

from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.filtering import LicenceFilters, LicenceSort
from api.http.lists import AskedList
from api.http.once import Once, without
from api.http.routing import Router
from api.v1.etags import Expected, etag
from shared.licences import CertificateLinks, LicenceAnswer, LicenceChanges, RevocationRequest, Sort
from shared.services import certificates, licences
from shared.services.licences import Shown
from shared.wire import Answer, Instant, Listing

router = Router("/v1/licences", "licences")


@router.get("", dependencies=[allow(licences.list_licences)])
def list_licences(
    asked: AskedList,
    filters: LicenceFilters,
    sort: LicenceSort = Sort.NEWEST,
) -> Listing[LicenceAnswer]:
    """Licences in the caller's scope. `Accept: text/csv` or XLSX sends every matching row."""
    rows = licences.list_licences(asked.db, asked.caller, filters, sort)
    return asked.page(rows, LicenceAnswer, lambda row: LicenceAnswer.fields(row, filters.now), name="licences")


@router.get("/{licence_id}", dependencies=[allow(licences.get_licence)])
def read_licence(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, response: Response) -> LicenceAnswer:
    """One licence in the caller's scope. Send its `ETag` as `If-Match` to change it."""
    return _answer(licences.get_licence(db, caller, licence_id), now, response)


@router.patch("/{licence_id}", dependencies=[allow(licences.correct_licence)])
def correct_licence(
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
def revoke_licence(
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


class CertificateLinkAnswer(Answer):
    """A certificate link. Every person with it sees the certificate, until it ends or the licence is revoked.

    url: shown only once; null in the answer to a repeated request.
    """

    url: str | None
    expires_at: Instant


@router.post("/{licence_id}/certificate-link", dependencies=[allow(certificates.mint_certificate_link)])
def create_certificate_link(
    licence_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    now: Now,
    response: Response,
    once: Once,
) -> CertificateLinkAnswer:
    """Mint a link with which anybody sees the certificate for 30 days. Earlier links stay valid.

    For the holder's member, and for `training.admin` in scope. 409 `licence-revoked`.
    """
    minted = certificates.mint_certificate_link(db, caller, licence_id, CertificateLinks(parts.settings), now)
    response.headers["Cache-Control"] = "no-store"
    answer = CertificateLinkAnswer.model_validate(minted)
    once.answer = without(answer, "url")
    return answer


def _answer(shown: Shown, now: datetime, response: Response) -> LicenceAnswer:
    response.headers["ETag"] = etag(shown[0].revision)
    return LicenceAnswer.of(shown, now)
