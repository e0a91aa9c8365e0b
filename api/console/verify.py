"""The public page that verifies a printed code: it shows if the licence is valid."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import JSONResponse, RedirectResponse

from api.console.pages import PageRoute, page, wants_json
from api.http.dependencies import CurrentParts, Now, VisitorsTurn
from shared.licences import CodeUnknown, LicenceSource, Validity, read_code
from shared.services import verification
from shared.wire import Answer, Instant

router = APIRouter(prefix="/verify", route_class=PageRoute, include_in_schema=False)


class Verified(Answer):
    """The public facts of a licence. until: the end of its validity, future or past.

    source, issuer: a record was not earned at the organization; its issuer says so.
    """

    holder: str
    course: str
    version: str
    organization: str
    validity: Validity
    until: Instant
    source: LicenceSource
    issuer: str | None


@router.api_route("", methods=["GET", "HEAD"])
def ask(request: Request, code: Annotated[str | None, Query()] = None) -> Response:
    """The page with a field for a code. With `code`, it redirects to the page of the code."""
    if code is None:
        return page("verify.html", problem=None, action="verify")
    known = read_code(code)
    if known is None:
        return _unknown(request, "verify")
    return RedirectResponse(f"verify/{known}", status.HTTP_303_SEE_OTHER)


@router.api_route("/{code}", methods=["GET", "HEAD"], dependencies=[VisitorsTurn])
def show(code: str, request: Request, parts: CurrentParts, now: Now) -> Response:
    """The holder of the licence and its validity, as a page, or as JSON for a program that asks for it."""
    try:
        found = verification.verify_code(parts.database, code, parts.settings, now)
    except CodeUnknown:
        return _unknown(request, "../verify")
    verified = Verified(
        holder=found.proof.holder,
        course=found.proof.title,
        version=found.proof.version,
        organization=found.organization.name,
        validity=found.validity,
        until=found.until,
        source=found.proof.licence.source,
        issuer=found.proof.licence.issuer,
    )
    if wants_json(request):
        return JSONResponse(verified.model_dump(mode="json"))
    return page("verified.html", licence=verified, told=found.told())


def _unknown(request: Request, action: str) -> Response:
    """The page for an unknown code, with a field for another one. action: the form's address, relative to this page."""
    if wants_json(request):
        raise CodeUnknown
    return page("verify.html", CodeUnknown.status, problem=CodeUnknown(), action=action)
