"""Pages for people: rendered here, whole without scripts, and kind whatever goes wrong. Programs get the same as JSON.

A page is one document with its style inside, so that nothing is asked for after it, and its headers forbid all else.
The address is the key to what it shows; so it is kept out of caches, search engines and the `Referer` of links.
"""

import base64
import hashlib
import uuid
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api import problems
from shared.errors import Problem, Unavailable

log = structlog.get_logger()


def _day(day: date) -> str:
    """Written out, because 06/07 is June to some and July to others."""
    return f"{day.day} {day:%B %Y}"


_TEMPLATES = Environment(
    loader=PackageLoader("api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters["day"] = _day


def _hash(style: str) -> str:
    digest = hashlib.sha256(_TEMPLATES.get_template(style).render().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_STYLES = " ".join(map(_hash, ("page.css", "certificate.css")))

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src {_STYLES}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


class PageFailed(Problem):
    """A mistake of ours."""

    slug, status, title = "internal-error", 500, "Something failed on our side"


class PageRoute(APIRoute):
    """A route for people: every error is a page (for a program: a problem document), every answer has the headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def kindly(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                response = _apology(self.path, error, wants_json(request))
            response.headers.update(HEADERS)
            return response

        return kindly


def page(template: str, status: int = 200, **shown: object) -> HTMLResponse:
    """A page from `templates/`. shown: what the template names; one that it misses is an error."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(shown), status)


def wants_json(request: Request) -> bool:
    """Whether a program asks, and not a browser: `Accept: application/json`."""
    accepted = request.headers.get("accept", "").lower()
    return "application/json" in accepted and "text/html" not in accepted


def _apology(route: str, error: Exception, as_json: bool) -> Response:
    """What tells of an error. The log gets the route's pattern: the address itself is a secret."""
    match error:
        case Problem():
            problem = error
        case OperationalError() | PoolTimeout():
            log.warning("database away", exc_info=error)
            problem = Unavailable("Nothing is lost. Please try again in a minute.")
        case _:
            incident = str(uuid.uuid4())
            log.error("page failed", incident=incident, route=route, exc_info=error)
            problem = PageFailed(f"Nothing was changed. If you report it, please mention {incident}.")
    if as_json:
        answer: Response = problems.answer(problem.slug, problem.title, problem.status, problem.detail)
    else:
        answer = page("message.html", problem.status, title=problem.title, detail=problem.detail)
    if problem.status == Unavailable.status:
        answer.headers["Retry-After"] = "2"
    return answer
