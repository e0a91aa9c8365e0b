"""A licence as a signed credential, and the documents for verifying it: status, keys, issuers.

The certificate to print is a page: see `api/console/certificates.py`.
"""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, VisitorsTurn, allow
from api.http.routing import Router
from shared.database import ID_PATTERN
from shared.licences import KEYS_PATH, Said
from shared.services import verification

router = Router("/v1/licences", "licences")
public = APIRouter(include_in_schema=False)

EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""The first second of the year 1 and the last one of the year 9999."""


@router.get(
    "/{licence_id}/credential",
    dependencies=[allow(verification.sign_credential)],
    response_class=Response,
    responses={200: {"content": {"application/vc+jwt": {"schema": {"type": "string"}}}}},
)
def read_credential(licence_id: uuid.UUID, db: Db, caller: CurrentCaller, parts: CurrentParts) -> Response:
    """The licence as an Open Badges 3.0 credential (compact JWS), for callers who may see the certificate.

    409 `credentials-not-configured` if the deployment has no key, and `licence-revoked`.
    """
    proof, text = verification.sign_credential(db, caller, licence_id, parts.settings)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="licence-{proof.licence.code}.jwt"',
    }
    return Response(text, media_type="application/vc+jwt", headers=headers)


@public.api_route("/verify/{code}/status", methods=["GET", "HEAD"], dependencies=[VisitorsTurn])
def status(
    code: str,
    parts: CurrentParts,
    now: Now,
    until: Annotated[int, Query(ge=0, le=LATEST)],
    since: Annotated[int | None, Query(ge=EARLIEST, le=LATEST)] = None,
) -> Response:
    """The status of a credential: revoked or not. until, since: the dates of the licence when it was signed, in seconds
    since 1970; since is left out for the instant of the grant.

    Raises CodeUnknown, Paused.
    """
    answer = verification.credential_status(parts.database, code, Said(until, since), parts.settings, now)
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


@public.api_route(KEYS_PATH, methods=["GET", "HEAD"])
def keys(parts: CurrentParts) -> Response:
    """The public keys of credentials, as a JWK set. Empty if the deployment has no key."""
    return _published({"keys": verification.published_keys(parts.settings)})


@public.api_route("/issuers/{org_id}", methods=["GET", "HEAD"], dependencies=[VisitorsTurn])
def issuer(org_id: Annotated[str, Path(pattern=ID_PATTERN)], parts: CurrentParts) -> Response:
    """The public profile of an organization. Raises NotFound, also if the deployment issues no credentials."""
    return _published(verification.issuer_profile(parts.database, org_id, parts.settings))


def _published(document: dict[str, Any]) -> JSONResponse:
    """The answer with a public document, which caches may keep for five minutes."""
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"})
