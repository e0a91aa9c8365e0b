"""The frame of every page for signed-in people: who is calling, navigation, headers, and problems as pages.

A page is declared as a route of the API is: `allow(verb)`, the same dependencies, and a plan that answers it on the
event loop. `ConsoleRoute` adds what people need. A form that was refused is answered with its own page again, with what
was typed and what is wrong: the transaction has ended by then, so nothing of a refused act is kept.
"""

import gzip
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from structlog.contextvars import get_contextvars

from api.console import static_files, visits
from api.console.denials import denied_in_words
from api.console.keeping import keep
from api.console.navigation import entries_for
from api.console.origins import SAFE, OtherOrigin
from api.console.pages import words_of
from api.console.rendering import render
from api.console.visits import SignInNeeded, Visit
from api.http import documents
from api.http.dependencies import OF_REQUEST, Now, allow, roll_back
from api.http.once import own_answer
from api.http.problems import DatabaseAway, InternalError, headers_of, problem_of
from api.http.routing import Handler, StrictRequest, StrictRoute
from shared import clock, services
from shared.access import Caller, PermissionDenied
from shared.errors import NotFound, Problem
from shared.services.verbs import AnyVerb
from shared.texts import N_, Words, reading

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Permissions-Policy": "camera=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}

ANSWERED_BY_THE_FORM = frozenset({403, 409, 412, 422})
"""The statuses of problems that a person can do something about in the form that was sent."""

COMPRESSED_FROM = 1400
"""Bytes from which on a page is compressed: about what one packet carries."""


class PreviewOutdated(Problem):
    """A form was confirmed that says something else than its preview. path: of the route of the preview."""

    slug, status, title = "preview-outdated", 409, "Look at the preview again"

    def __init__(self, detail: str, path: str) -> None:
        super().__init__(detail)
        self.path = path


@dataclass(frozen=True)
class Sent:
    """A form that was refused: what was typed, and what is wrong."""

    values: dict[str, list[str]]
    problem: Problem


@dataclass(frozen=True)
class Frame:
    """The frame of a page: the visit, and the words of the reader's language and zone.

    path: the address of the page. visit: None only on pages of problems that came before it was known.
    """

    visit: Visit | None
    words: Words
    path: str

    @property
    def caller(self) -> Caller:
        """The caller. Only pages of problems have none."""
        assert self.visit is not None
        return self.visit.caller

    def may(self, verb: str) -> bool:
        """True if the caller may call a verb, named as `assignments.submit_assignments`.

        A page leaves out what would lead to a refusal.
        """
        module, _, name = verb.partition(".")
        declared: AnyVerb = getattr(getattr(services, module), name)
        return self.visit is not None and declared.may(self.visit.caller)

    def page(self, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """Return a page from a template that extends `console/frame.html`."""
        entries = entries_for(self.visit.caller) if self.visit else []
        here = next((entry for entry in entries if entry.holds(self.path)), None)
        today = clock.day_in(self.words.zone, self.words.now)
        known = {
            "frame": self,
            "entries": entries,
            "here": here,
            "today": today,
            "static": static_files.address,
            "may": self.may,
        }
        body = render(f"console/{template}", self.words, **known, **shown)
        return HTMLResponse(body, status, {"Speculation-Rules": f'"{static_files.address("rows.json")}"'})


def frame_of(request: Request, now: datetime) -> Frame:
    """Return the frame of a request."""
    visit: Visit | None = getattr(request.state, "visit", None)
    own = (visit.language, visit.organization.language) if visit else ()
    words = words_of(request, *own, zone=visit.organization.time_zone if visit else "UTC")
    return Frame(visit, replace(words, now=now), request.url.path)


async def _frame(request: Request, now: Now) -> Frame:
    return frame_of(request, now)


CurrentFrame = Annotated[Frame, Depends(_frame)]


class FormOf:
    """Declares the page that shows the form which a route takes, by its path. Without it, it is the route's own."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def __call__(self) -> None:
        """Do nothing: the declaration is read when a form is refused."""


def form_of(path: str) -> Any:
    """Declare the page on which the form of a POST stands, such as `/jobs/{job_id}`."""
    return Depends(FormOf(path))


class ConsoleRoute(StrictRoute):
    """A route for signed-in people. Every answer has `HEADERS`, and every problem is a page.

    A parameter that a page is asked with and that is empty counts as absent: a browser sends every field of a form.
    """

    def checked(self, handle: Handler) -> Handler:
        """Return a handler with the checks of a page before it."""
        answer_checked = super().checked(handle)

        async def answer(request: Request) -> Response:
            if request.method in SAFE:
                request.scope["query_string"] = _filled(request.scope["query_string"])
            strict = request if isinstance(request, StrictRequest) else StrictRequest(request.scope, request.receive)
            try:
                await visits.visit(strict)
                with reading(frame_of(strict, clock.now()).words):
                    response = await answer_checked(strict)
            except Exception as error:
                await roll_back(strict, error)
                response = await self._refused(strict, _for_people(problem_of(error, self.path)))
            response.headers.update(HEADERS)
            return _compressed(strict, response)

        return answer

    async def _refused(self, request: StrictRequest, problem: Problem) -> Response:
        """Answer with the page of a problem, or of the form that caused it."""
        if isinstance(problem, SignInNeeded) and request.method in SAFE:
            return RedirectResponse(problem.address, 303)
        if isinstance(problem, SignInNeeded):
            shown = {"title": problem.title, "detail": problem.detail, "kept": await keep(request, problem)}
            return frame_of(request, clock.now()).page("kept.html", problem.status, **shown)
        refused = problem.status in ANSWERED_BY_THE_FORM and not isinstance(problem, PermissionDenied | OtherOrigin)
        if request.method == "POST" and refused and hasattr(request.state, "sent_form"):
            request.state.refused = Sent(request.state.sent_form, problem)
            answer = await self._form_again(request, problem)
            if answer.status_code == 200:
                answer.status_code = problem.status
            if answer.status_code in ANSWERED_BY_THE_FORM:
                return answer
        return problem_page(request, problem)

    async def _form_again(self, request: StrictRequest, problem: Problem) -> Response:
        """Return the page of the form as it was sent: with its preview, if that is what is wrong."""
        if isinstance(problem, PreviewOutdated):
            return await own_answer(request, problem.path.format(**request.path_params), "POST")
        return await own_answer(request, self._form_address(request))

    def _form_address(self, request: Request) -> str:
        declared = [one.dependency for one in self.dependencies if isinstance(one.dependency, FormOf)]
        return (declared[0].path if declared else self.path).format(**request.path_params)


def _filled(query: bytes) -> bytes:
    """Return a query without its empty parameters."""
    return b"&".join(one for one in query.split(b"&") if one.partition(b"=")[2])


def _for_people(problem: Problem) -> Problem:
    """Return the problem that a person has: an address with a wrong id is one with nothing at it."""
    in_path = problem.errors and all(fault.pointer.startswith("path:") for fault in problem.errors)
    return NotFound("page") if in_path else problem


Answering = TypeVar("Answering", bound=Callable[..., Any])


class ConsoleRouter(APIRouter):
    """The pages of a noun."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__(prefix=prefix, route_class=ConsoleRoute, include_in_schema=False)

    def list_of(self, path: str, verb: AnyVerb) -> Callable[[Answering], Answering]:
        """Declare the page of a list, which is all of it as a file under the same path with `.csv` or `.xlsx`."""

        def declare(answer: Answering) -> Answering:
            for ending in ("", ".csv", ".xlsx"):
                self.get(path + ending, dependencies=[allow(verb)])(answer)
            return answer

        return declare


_DENIED = N_("You may not do this")

_TITLES = {
    404: N_("There is nothing here"),
    429: N_("Too much at once"),
    500: N_("Something failed on our side"),
    503: N_("Not available for a moment"),
}

_TO_DO = {
    404: N_("It does not exist, or it belongs to another organization or to folders outside yours."),
    429: N_("Wait a moment, then try again."),
    500: N_("Nothing was changed. If you report it, mention this number:"),
    503: N_("Nothing is lost. Please try again in a minute."),
}


def problem_page(request: Request, problem: Problem) -> Response:
    """Return the page of a problem, in the frame if it is known who is calling."""
    told = isinstance(problem, InternalError | DatabaseAway) or problem.status in (404, 429)
    shown = {
        "title": _DENIED if isinstance(problem, PermissionDenied) else _TITLES.get(problem.status, problem.title),
        "detail": _TO_DO.get(problem.status, problem.detail) if told else problem.detail,
        "denied": denied_in_words if isinstance(problem, PermissionDenied) else None,
        "problem": problem,
        "incident": problem.incident if isinstance(problem, InternalError) else get_contextvars().get("request", ""),
    }
    answer = frame_of(request, clock.now()).page("problem.html", problem.status, **shown)
    answer.headers.update(
        {name: value for name, value in headers_of(problem, request).items() if problem.status != 401}
    )
    return answer


async def answer_unknown(request: Request, error: Exception) -> Response:
    """Answer an address or a method that there is not: with a page for a browser, else with a problem document."""
    problem = problem_of(error, None)
    if problem.status != 404 or "text/html" not in request.headers.get("accept", "").lower():
        return await documents.answer(request, error)
    async with AsyncExitStack() as stack:
        request.scope[OF_REQUEST] = stack  # no route has one for it
        with suppress(Problem):  # the page has the navigation if the reader is signed in
            await visits.visit(request)
    answer = problem_page(request, problem)
    answer.headers.update(HEADERS)
    return answer


def _compressed(request: Request, response: Response) -> Response:
    """Compress a page for a browser that takes it. Level 1: the highest takes four times as long for a tenth less."""
    taken = "gzip" in request.headers.get("accept-encoding", "")
    if not taken or type(response) not in (HTMLResponse, Response) or "content-encoding" in response.headers:
        return response
    body = bytes(response.body)
    if len(body) >= COMPRESSED_FROM:
        response.body = gzip.compress(body, 1, mtime=0)
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
    return response
