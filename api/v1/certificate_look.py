"""The look of an organization's certificates: logo, signatory, training date, holder number."""

from typing import Annotated, Any

from fastapi import Depends, Request, Response

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.routing import Router, UnsupportedMediaType
from shared.licences import LookAnswer, LookChange
from shared.logos import FORMATS
from shared.services import certificates

router = Router("/v1/settings/certificate", "organization")

PNG = "image/png"
IMAGE: dict[str, Any] = {"schema": {"type": "string", "contentEncoding": "binary"}}
BODY: dict[str, Any] = {"required": True, "content": dict.fromkeys(FORMATS, IMAGE)}
"""The body in the OpenAPI document. The file's own head decides what it is."""


async def _sent(request: Request) -> bytes:
    """Return the file that was sent. Raises UnsupportedMediaType."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORMATS:
        raise UnsupportedMediaType(f"Send the image itself, with one of these Content-Types: {', '.join(FORMATS)}.")
    return await request.body()


SentLogo = Annotated[bytes, Depends(_sent)]


@router.get("", dependencies=[allow(certificates.get_look)])
def read_certificate_look(db: Db, caller: CurrentCaller) -> LookAnswer:
    """The look of the organization's certificates: everything on them besides the licence."""
    return LookAnswer.of(certificates.get_look(db, caller))


@router.put("", dependencies=[allow(certificates.change_look)])
def change_certificate_look(body: LookChange, db: Db, caller: CurrentCaller, now: Now) -> LookAnswer:
    """Change it, on certificates already granted too. What is not mentioned stays as it is; null clears."""
    return LookAnswer.of(certificates.change_look(db, caller, body, now))


@router.get(
    "/logo",
    dependencies=[allow(certificates.get_logo)],
    response_class=Response,
    responses={200: {"content": {PNG: IMAGE}}},
)
def read_logo(db: Db, caller: CurrentCaller) -> Response:
    """The logo as it is kept: always a PNG. 404 if there is none."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(certificates.get_logo(db, caller), media_type=PNG, headers=headers)


@router.put("/logo", dependencies=[allow(certificates.set_logo)], openapi_extra={"requestBody": BODY})
def put_logo(sent: SentLogo, db: Db, caller: CurrentCaller, now: Now) -> LookAnswer:
    """Send a logo: a PNG, JPEG or WebP of at most 256 KiB. It is decoded and written anew, and kept no larger than 1200
    by 480 pixels.
    """
    return LookAnswer.of(certificates.set_logo(db, caller, sent, now))


@router.delete("/logo", dependencies=[allow(certificates.clear_logo)])
def remove_logo(db: Db, caller: CurrentCaller, now: Now) -> LookAnswer:
    """Show no logo any more."""
    return LookAnswer.of(certificates.clear_logo(db, caller, now))
