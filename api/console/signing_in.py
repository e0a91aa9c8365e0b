"""Signing in and out: the pages that give a browser the cookie of a sign-in, and take it back.

An attempt begins with a link and not with a form, because `form-action 'self'` also forbids a form to be redirected to
the issuer. What it must remember is in a cookie of its own, encrypted, so an abandoned attempt disturbs no other one.
"""

import uuid
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from api.console.browsers import in_few_words
from api.console.demo import address_of_personas, organization_to_enter
from api.console.pages import PageRoute, page
from api.console.visits import (
    SignInNeeded,
    attempt_cookie,
    cookie_name,
    delete_attempt,
    delete_cookie,
    read_next,
    set_attempt,
    set_cookie,
    visit,
)
from api.http.dependencies import CurrentParts, Now
from api.http.turns import issuers
from shared.access import BadLogout
from shared.services import sign_ins, signing_in
from shared.services.signing_in import Desk
from shared.texts import N_, reader


class SigningInRoute(PageRoute):
    """A page of signing in. Browsers name its origin with the forms that they send from it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            response.headers["Referrer-Policy"] = "same-origin"
            return response

        return answer


router = APIRouter(route_class=SigningInRoute, include_in_schema=False)


async def _desk(made: CurrentParts) -> Desk:
    return Desk(made.database, made.providers, made.settings)


CurrentDesk = Annotated[Desk, Depends(_desk)]
Organization = Annotated[str | None, Query(max_length=64)]
Next = Annotated[str | None, Query()]
Again = Annotated[bool, Query()]


@router.get("/sign-in", response_class=HTMLResponse)
async def show(
    request: Request,
    made: CurrentParts,
    desk: CurrentDesk,
    organization: Organization = None,
    next: Next = None,
    again: Again = False,
    out: Annotated[str | None, Query()] = None,
) -> Response:
    """The page with the ways to sign in. again: although signed in. out: the person has just signed out.

    Where the demo has no other way than its personas, their page.
    """
    async with issuers().taken(""):
        ways = await run_sync(lambda: signing_in.list_ways(desk, organization))
    demo = organization_to_enter(request, made)
    by_persona = address_of_personas(read_next(next), again) if demo and ways.org_id in (None, demo) else None
    if by_persona and not ways.issuers and not out:
        return RedirectResponse(by_persona, status.HTTP_303_SEE_OTHER)
    following = {"next": read_next(next), **({"again": "1"} if again else {})}
    starts = {
        one.id: f"/sign-in/start?{urlencode({'organization': ways.org_id, 'issuer': one.id, **following})}"
        for one in ways.issuers
    }
    shown: dict[str, Any] = {"following": following, "again": again, "has_signed_out": out, "by_persona": by_persona}
    return page("sign_in.html", ways=ways, starts=starts, **shown)


@router.get("/sign-in/start")
async def start(
    desk: CurrentDesk,
    now: Now,
    request: Request,
    organization: Annotated[str, Query(max_length=64)],
    issuer: uuid.UUID,
    next: Next = None,
    again: Again = False,
) -> Response:
    """Begin an attempt, and lead to the issuer."""
    following = read_next(next)
    async with issuers().taken(organization):
        begun = await run_sync(
            lambda: signing_in.begin_attempt(desk, organization, issuer, following, now, again=again)
        )
    answer = RedirectResponse(begun.address, status.HTTP_303_SEE_OTHER)
    set_attempt(request, answer, desk.settings, begun.state, begun.kept)
    return answer


@router.get("/sign-in/callback")
async def finish(
    request: Request, desk: CurrentDesk, now: Now, state: Annotated[str, Query(max_length=200)]
) -> Response:
    """End an attempt with what the issuer has sent the person back with, and begin a sign-in."""
    name = attempt_cookie(desk.settings, state)
    kept, former = request.cookies.get(name), request.cookies.get(cookie_name(desk.settings))
    said = {key: value for key, value in request.query_params.items() if key in ("code", "iss")}
    agent = in_few_words(request.headers.get("user-agent", ""))
    async with issuers().taken(""):
        finished = await run_sync(lambda: signing_in.finish_attempt(desk, kept, state, said, agent, now))
        if former:
            await run_sync(lambda: signing_in.end_by_cookie(desk, former, now))
    answer = RedirectResponse(finished.following, status.HTTP_303_SEE_OTHER)
    delete_attempt(answer, desk.settings, state)
    set_cookie(answer, desk.settings, finished.cookie)
    return answer


@router.get("/sign-in/done")
async def show_done() -> HTMLResponse:
    """The page after signing in in a second window."""
    detail = reader().text(N_("Close this window and go on in the other one."))
    return page("message.html", title=reader().text(N_("You are signed in")), detail=detail)


@router.post("/sign-out")
async def sign_out(request: Request, made: CurrentParts, now: Now) -> Response:
    """End the sign-in, and let the browser forget its cookie. A sign-in that has ended already is no error."""
    try:
        present = await visit(request)
    except SignInNeeded:
        address = "/sign-in?out=1"
    else:
        await run_sync(lambda: sign_ins.sign_out(made.database, present.caller, present.sign_in_id, now))
        address = f"/sign-in?out=1&{urlencode({'organization': present.caller.org_id})}"
    answer = RedirectResponse(address, status.HTTP_303_SEE_OTHER)
    delete_cookie(answer, made.settings)
    return answer


@router.get("/sign-in/leave")
async def leave(
    desk: CurrentDesk, now: Now, organization: Annotated[str, Query(max_length=64)], issuer: uuid.UUID
) -> Response:
    """Lead to the issuer's own page to sign out there."""
    async with issuers().taken(organization):
        address = await run_sync(lambda: signing_in.end_session_address(desk, organization, issuer, now))
    return RedirectResponse(address or "/sign-in?out=1", status.HTTP_303_SEE_OTHER)


@router.post("/sign-in/logout/{org_id}")
async def end_by_logout(org_id: str, request: Request, desk: CurrentDesk, now: Now) -> Response:
    """End the sign-ins that an issuer's signed logout token names: the one POST that comes from another origin.

    OpenID Connect Back-Channel Logout 1.0: 200 if they have ended, 400 for a token that cannot be believed.
    """
    sent = dict(parse_qsl((await request.body()).decode("latin-1")))
    try:
        async with issuers().taken(""):  # anybody can send one, so they share one place beside those who sign in
            await run_sync(lambda: signing_in.end_by_logout(desk, org_id, sent.get("logout_token", ""), now))
    except BadLogout as error:
        return JSONResponse({"error": "invalid_request", "error_description": error.detail}, error.status)
    return Response(status_code=status.HTTP_200_OK)
