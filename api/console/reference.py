"""The reference of the API as a page. Its script and style come from a package, so that it works without a network.

Swagger UI was chosen because it draws OpenAPI 3.1 and can send requests with a token. `fastapi-offline` ships its
files; `swagger-ui-bundle` ships a version that does not know 3.1, and `drf-spectacular-sidecar` needs Django. The page
may load and call only this service: a token that is entered in it goes nowhere else.
"""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.console.pages import HEADERS, page, text_of

router = APIRouter(prefix="/docs", include_in_schema=False)

ALLOWED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

FILES = {
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
"""The files that the page loads, with their media types."""


@router.get("")
async def show() -> HTMLResponse:
    """The page, which is the same for everybody."""
    answer = page("reference.html")
    answer.headers.update(HEADERS | {"Content-Security-Policy": ALLOWED})
    return answer


@router.get("/{name}")
async def load(name: str) -> Response:
    """One file of the page."""
    if name not in FILES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(_content(name), media_type=FILES[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    """Return the content of a file: of the page's own script, or of one that the package ships."""
    if name == "start.js":
        return text_of("reference.js").encode()
    return (files("fastapi_offline") / "static" / name).read_bytes()
