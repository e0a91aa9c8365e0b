"""The page that tells anybody who holds a printed code whether the licence is valid: the supervisor at the gate.

It stays up while an organization's training is unavailable: what was earned is not taken back by a switch, and paper
that cannot be verified keeps somebody from work. See docs/decisions/0012-verification.md.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import JSONResponse, RedirectResponse

from api.dependencies import CurrentService, Now
from api.pages import PageRoute, page, wants_json
from api.public import Paused
from api.service import Service
from shared import access, clock, licences
from shared.access import Organization
from shared.licences import CodeUnknown, Proof, Validity
from shared.settings import TRAINING
from shared.wire import Answer, Instant

router = APIRouter(prefix="/verify", route_class=PageRoute, include_in_schema=False)


class Verified(Answer):
    """All that a code tells. until: until when it is good (valid), or since when it is not."""

    holder: str
    course: str
    version: str
    organization: str
    validity: Validity
    until: Instant


@router.api_route("", methods=["GET", "HEAD"])
def ask(request: Request, code: Annotated[str | None, Query()] = None) -> Response:
    """The page with a field to type a code in; with a code, the way to its page."""
    if code is None:
        return page("verify.html", problem=None, action="verify")
    known = licences.read_code(code)
    if known is None:
        return _unknown(request, "verify")
    return RedirectResponse(f"verify/{known}", status.HTTP_303_SEE_OTHER)


@router.api_route("/{code}", methods=["GET", "HEAD"])
def show(code: str, request: Request, service: CurrentService, now: Now) -> Response:
    """Whose licence it is and whether it is valid, as a page, or as JSON where that is asked for."""
    try:
        proof, organization = found(service, code)
    except CodeUnknown:
        return _unknown(request, "../verify")
    validity, until = licences.validity(proof.licence, now)
    verified = Verified(
        holder=proof.holder,
        course=proof.course.title,
        version=proof.version,
        organization=organization.name,
        validity=validity,
        until=until,
    )
    if wants_json(request):
        return JSONResponse(verified.model_dump(mode="json"))
    return page("verified.html", licence=verified, day=clock.day_in(organization.time_zone, until))


def found(service: Service, typed: str) -> tuple[Proof, Organization]:
    """The licence of a code, read in a transaction of its organization.

    Begins and ends its transactions in one thread, so it waits for no turn. Raises CodeUnknown, Paused.
    """
    if TRAINING not in service.settings.features:
        raise Paused
    code = licences.read_code(typed)
    if code is None:
        raise CodeUnknown
    with service.database.transaction(None) as db:
        org_id = licences.organization_of(db, code)
    if org_id is None:
        raise CodeUnknown
    with service.database.transaction(org_id) as db:
        return licences.proof_by_code(db, code), access.organization(db)


def _unknown(request: Request, action: str) -> Response:
    """The page says what to look for and asks again. action: where the field leads, wherever we are mounted."""
    if wants_json(request):
        raise CodeUnknown
    return page("verify.html", CodeUnknown.status, problem=CodeUnknown(), action=action)
