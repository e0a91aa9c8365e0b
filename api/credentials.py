"""A licence in its holder's hands: the certificate to print, the credential to keep, and what that is verified by."""

import uuid
from typing import Annotated, Any

import segno
from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup
from sqlalchemy.orm import Session

from api.dependencies import CurrentCaller, CurrentOrganization, CurrentService, Db, Now, allow
from api.pages import HEADERS, page
from api.routing import Router
from api.service import Service
from api.verify import found
from shared import access, clock, licences
from shared.access import Caller, Organization, OrganizationUnknown, Permission
from shared.database import ID_PATTERN
from shared.errors import NotFound
from shared.licences import KEYS_PATH, CredentialKeys, CredentialsNotConfigured, Issuer, LicenceRevoked, Proof

router = Router("/v1/licences", "licences")
public = APIRouter(include_in_schema=False)

LATEST = 253_402_300_799
"""The last second of the year 9999."""


@router.get("/{licence_id}/certificate", dependencies=[allow()], response_class=HTMLResponse)
def certificate(
    licence_id: uuid.UUID,
    db: Db,
    caller: CurrentCaller,
    organization: CurrentOrganization,
    service: CurrentService,
    now: Now,
) -> Response:
    """The certificate, a page to print on A4. For its holder's own member, and for `training.view` in scope.

    Its QR code leads to the public page of the licence. One that is no longer valid says so across the sheet.
    """
    proof = _visible(db, licence_id, caller)
    issuer = _issuer(organization, service)
    validity, until = licences.validity(proof.licence, now)
    address = issuer.verify_address(proof.licence)
    answer = page(
        "certificate.html",
        proof=proof,
        organization=organization,
        granted_on=clock.day_in(organization.time_zone, proof.licence.granted_at),
        expires_on=clock.day_in(organization.time_zone, proof.licence.expires_at),
        validity=validity,
        until=clock.day_in(organization.time_zone, until),
        code=licences.grouped(proof.licence.code),
        verify_address=f"{issuer.public_url}/verify",
        qr=Markup(segno.make(address, error="m").svg_inline(border=0, omitsize=True, dark="#14281f")),  # noqa: S704
    )
    answer.headers.update(HEADERS)
    return answer


@router.get(
    "/{licence_id}/credential",
    dependencies=[allow()],
    response_class=Response,
    responses={200: {"content": {"application/vc+jwt": {"schema": {"type": "string"}}}}},
)
def credential(
    licence_id: uuid.UUID, db: Db, caller: CurrentCaller, organization: CurrentOrganization, service: CurrentService
) -> Response:
    """The licence as an Open Badges 3.0 credential, a compact JWS, for whoever may see the certificate.

    409 `credentials-not-configured` where the deployment has no key, and `licence-revoked`.
    """
    proof = _visible(db, licence_id, caller)
    if proof.licence.revoked_at is not None:
        raise LicenceRevoked
    text = licences.signed(proof, _issuer(organization, service), CredentialKeys(service.settings))
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="licence-{proof.licence.code}.jwt"',
    }
    return Response(text, media_type="application/vc+jwt", headers=headers)


@public.api_route("/verify/{code}/status", methods=["GET", "HEAD"])
def status(code: str, service: CurrentService, until: Annotated[int, Query(ge=0, le=LATEST)]) -> Response:
    """Whether the credential of a licence that ended at `until` was revoked. Raises CodeUnknown, Paused."""
    proof, organization = found(service, code)
    answer = licences.status(proof.licence, _issuer(organization, service), until)
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@public.api_route(KEYS_PATH, methods=["GET", "HEAD"])
def keys(service: CurrentService) -> Response:
    """The public keys of credentials, as a JWK set; an empty one where there is none."""
    try:
        published = CredentialKeys(service.settings).published()
    except CredentialsNotConfigured:
        published = []
    return _published({"keys": published})


@public.api_route("/issuers/{org_id}", methods=["GET", "HEAD"])
def issuer(org_id: Annotated[str, Path(pattern=ID_PATTERN)], service: CurrentService) -> Response:
    """The profile of an organization that issues credentials: its name. Raises NotFound, also where there is no key."""
    try:
        CredentialKeys(service.settings)
        with service.database.transaction(org_id) as db:
            profile = _issuer(access.organization(db), service).profile()
    except (CredentialsNotConfigured, OrganizationUnknown):
        raise NotFound("issuer") from None
    return _published(profile)


def _visible(db: Session, licence_id: uuid.UUID, caller: Caller) -> Proof:
    """The licence, for the member who represents its holder, and for whoever may read licences, in scope.

    Raises PermissionDenied, NotFound.
    """
    own = caller.party_id is not None and licences.holder_of(db, licence_id) == caller.party_id
    if not own:
        caller.need(Permission.VIEW, Permission.ADMIN)
    return licences.proof(db, licence_id, None if own else caller.folders)


def _issuer(organization: Organization, service: Service) -> Issuer:
    return Issuer(organization.id, organization.name, service.settings.public_url)


def _published(document: dict[str, Any]) -> JSONResponse:
    """What is for everybody, and may be kept for a few minutes."""
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"})
