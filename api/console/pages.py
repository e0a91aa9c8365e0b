"""Pages for people, rendered on the server and without scripts. Errors are pages too; programs get them as JSON.

A page is one document with its style inside, and its headers forbid to load anything else. Its address is a secret that
gives access, so the headers keep it out of caches, search engines and the `Referer` of links.
"""

import base64
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from api.console.origins import need_own_host
from api.console.rendering import TEMPLATES
from api.http.dependencies import roll_back
from api.http.documents import document
from api.http.problems import DatabaseAway, InternalError, headers_of, problem_of
from shared import clock
from shared.errors import Problem
from shared.texts import N_, Words, language_of, reader, reading
from shared.words import in_words


def _hash(style: str) -> str:
    digest = hashlib.sha256(TEMPLATES.get_template(style).render().encode()).digest()
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


MOST_LANGUAGES = 200
"""Characters of `Accept-Language` that are read."""


class PageRoute(APIRoute):
    """A route for people, in their browser's language where nothing else is known.

    Every answer has its headers, and every error is a page, or JSON if a program asks for it.

    On loopback it answers under no other name.
    """

    headers = HEADERS

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            with reading(words_of(request)):
                try:
                    need_own_host(request, request.app.state.parts.settings)
                    response = await handle(request)
                except Exception as error:
                    await roll_back(request, error)
                    response = _error_page(problem_of(error, self.path), wants_json(request))
            response.headers.update(self.headers)
            return response

        return answer


def page(template: str, status: int = 200, **shown: object) -> HTMLResponse:
    """Return a page from a template, in the language of the reader. shown: its variables; a missing one is an error."""
    return HTMLResponse(TEMPLATES.get_template(template).render(shown, language=reader().language), status)


def words_of(request: Request, *languages: str | None, zone: str = "UTC") -> Words:
    """Return the words of a reader: in the first of these languages that there is, else in one of its browser's."""
    return Words(language_of(*languages, *asked_languages(request)), zone, clock.now())


def asked_languages(request: Request) -> list[str]:
    """Return the languages of a request's `Accept-Language`, the most wanted first."""
    wanted = []
    for n, one in enumerate(request.headers.get("accept-language", "")[:MOST_LANGUAGES].split(",")):
        tag, _, weight = one.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if tag and quality > 0:
            wanted.append((-quality, n, tag))
    return [tag for *_, tag in sorted(wanted)]


def text_of(template: str) -> str:
    """Return the text of a file beside the templates, such as a script."""
    return TEMPLATES.get_template(template).render()


def wants_json(request: Request) -> bool:
    """True if a program asks for JSON: `Accept` has `application/json` and not `text/html`."""
    accepted = request.headers.get("accept", "").lower()
    return "application/json" in accepted and "text/html" not in accepted


def _error_page(problem: Problem, as_json: bool) -> Response:
    """The answer to a person with a problem: a page, or JSON."""
    title, detail = problem.title, problem.detail
    match problem:
        case DatabaseAway():
            detail = N_("Nothing is lost. Please try again in a minute.")
        case InternalError(incident=incident):
            title = N_("Something failed on our side")
            detail = in_words(
                N_("Nothing was changed. If you report it, please mention %(incident)s."), incident=incident
            )
    if as_json:
        return document(problem)
    answer = page("message.html", problem.status, title=reader().sentence(title), detail=reader().sentence(detail))
    answer.headers.update(headers_of(problem))
    return answer
