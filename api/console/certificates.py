"""The certificate of a licence, a page to print on A4 and a PDF: under /v1 beside the credential, and by a link."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from api.console.frame import Frame
from api.console.pages import HEADERS, PageRoute
from api.console.rendering import render
from api.http.accepted import PDF, pdf_file, prefers_pdf
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, VisitorsTurn, allow
from api.http.routing import Router
from shared.licences import CertificateLink, CertificateLinks
from shared.services import certificates, verification
from shared.services.certificates import pdf_of, sheet_of
from shared.services.verification import Certificate
from shared.signed_links import MintedLink

router = Router("/v1/licences", "licences")
WITH_LOGO = HEADERS | {
    "Content-Security-Policy": HEADERS["Content-Security-Policy"].replace("; ", "; img-src data:; ", 1)
}
"""The headers of a page that has a certificate: the logo is in the page."""


class CertificateRoute(PageRoute):
    """A route for people whose page may have a logo."""

    headers = WITH_LOGO


by_link = APIRouter(prefix="/c", route_class=CertificateRoute, include_in_schema=False)


@router.get(
    "/{licence_id}/certificate",
    dependencies=[allow(verification.get_certificate)],
    response_class=HTMLResponse,
    responses={200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}},
)
def read_certificate(
    licence_id: uuid.UUID, request: Request, db: Db, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> Response:
    """The certificate, a page to print on A4, for the holder's member and for `training.view` in scope.

    `Accept: application/pdf`: the same as PDF. It is in the holder's language. Its QR code leads to the public page of
    the licence. The certificate of an invalid licence is stamped so.
    """
    found = verification.get_certificate(db, caller, licence_id, parts.settings, now)
    if prefers_pdf(request):
        return as_pdf(found, parts)
    answer = HTMLResponse(render("certificate.html", found.words, **shown(found)))
    answer.headers.update(WITH_LOGO)
    return answer


@dataclass(frozen=True)
class Opened:
    """A valid link, and a transaction for its organization."""

    db: Session
    link: CertificateLink


def _opened(token: str, parts: CurrentParts, now: Now, _: Annotated[None, VisitorsTurn]) -> Iterator[Opened]:
    """Read the token, and open a transaction for its organization. Raises LinkInvalid, LinkExpired."""
    link = CertificateLinks(parts.settings).read(token, now)
    with parts.database.transaction(link.org_id) as db:
        yield Opened(db, link)


OpenedLink = Annotated[Opened, Depends(_opened, scope="function")]


@by_link.api_route("/{token}", methods=["GET", "HEAD"])
def show(token: str, opened: OpenedLink, parts: CurrentParts, now: Now) -> Response:
    """The certificate of a link, for anybody who has it."""
    found = certificates.open_certificate_link(opened.db, opened.link, parts.settings, now)
    return HTMLResponse(render("certificate.html", found.words, **shown(found) | {"pdf_address": f"{token}/pdf"}))


@by_link.api_route("/{token}/pdf", methods=["GET", "HEAD"])
def show_pdf(opened: OpenedLink, parts: CurrentParts, now: Now) -> Response:
    """The same as PDF."""
    return as_pdf(certificates.open_certificate_link(opened.db, opened.link, parts.settings, now), parts)


def as_pdf(found: Certificate, parts: CurrentParts) -> Response:
    """Return the answer with a certificate as PDF."""
    name = f"certificate-{found.proof.licence.code}"
    return pdf_file(pdf_of(found, parts.settings), name)


def shown(found: Certificate) -> dict[str, Any]:
    """Return what the sheet of a certificate shows, by the names in its template."""
    sheet = sheet_of(found)
    return {"sheet": sheet, "qr": Markup(sheet.qr), "proof": found.proof, "pdf_address": None}  # noqa: S704


def link_page(frame: Frame, minted: MintedLink, *, back: str) -> Response:
    """Return the page that shows a link, once. back: the page to return to."""
    return frame.page("certificate_link.html", minted=minted, back=back)
