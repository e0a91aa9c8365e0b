"""The certificate of a licence, a page to print on A4. Its address is under /v1, beside the credential."""

import uuid
from typing import Any

import segno
from fastapi import Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.console.pages import HEADERS, page
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from api.http.routing import Router
from shared.licences import LicenceSource, grouped
from shared.services import verification
from shared.services.verification import Certificate

router = Router("/v1/licences", "licences")


@router.get(
    "/{licence_id}/certificate", dependencies=[allow(verification.get_certificate)], response_class=HTMLResponse
)
def read_certificate(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now) -> Response:
    """The certificate, a page to print on A4, for the holder's member and for `training.view` in scope.

    Its QR code leads to the public page of the licence. The certificate of an invalid licence is stamped so.
    """
    found = verification.get_certificate(db, caller, licence_id, parts.settings, now)
    answer = page("certificate.html", **shown(found))
    answer.headers.update(HEADERS)
    return answer


def shown(found: Certificate) -> dict[str, Any]:
    """Return what the sheet of a certificate shows, by the names in its template."""
    licence = found.proof.licence
    address = found.issuer.verify_address(licence)
    return {
        "proof": found.proof,
        "organization": found.organization,
        "recorded": licence.source is LicenceSource.RECORD,
        "granted_on": found.day(licence.granted_at),
        "begins_at": None if licence.begins_at == licence.granted_at else licence.begins_at,
        "begins": found.begins,
        "ends": found.ends,
        "validity": found.validity,
        "told": found.told(),
        "code": grouped(licence.code),
        "verify_address": f"{found.issuer.public_url}/verify",
        "qr": Markup(segno.make(address, error="m").svg_inline(border=0, omitsize=True, dark="#14281f")),  # noqa: S704
    }
