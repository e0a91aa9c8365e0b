"""The style sheet and the scripts of the pages. Their address has a hash of their content: browsers keep them a year.

One hash stands for all files, so that a script finds its neighbours by relative addresses. A process of another release
than the page's has another hash: it then sends what it has, to be kept by nobody.
"""

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter(prefix="/static", include_in_schema=False)

MEDIA_TYPES = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "choosing.js": "text/javascript; charset=utf-8",
    "keys.js": "text/javascript; charset=utf-8",
    "rows.json": "application/speculationrules+json",
    "mark.svg": "image/svg+xml",
    "certificate.css": "text/css; charset=utf-8",
    "transcript.css": "text/css; charset=utf-8",
}
"""The files, with their media types. `rows.json` says which links a browser may fetch before they are followed."""


class _File(NamedTuple):
    content: bytes
    compressed: bytes


@cache
def _file(name: str) -> _File:
    content = (files("api.console") / "static" / name).read_bytes()
    return _File(content, gzip.compress(content, mtime=0))


@cache
def version() -> str:
    """Return the hash of all files."""
    return hashlib.sha256(b"".join(_file(name).content for name in MEDIA_TYPES)).hexdigest()[:12]


def address(name: str) -> str:
    """Return the address of a file."""
    assert name in MEDIA_TYPES, name
    return f"/static/{version()}/{name}"


@router.get("/{of_version}/{name}")
async def load(of_version: str, name: str, request: Request) -> Response:
    """One file."""
    if name not in MEDIA_TYPES:
        raise HTTPException(404)
    kept = "public, max-age=31536000, immutable" if of_version == version() else "no-store"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    content = _file(name).compressed if packed else _file(name).content
    return Response(content, media_type=MEDIA_TYPES[name], headers=headers)
