"""Signing in and out: the pages that give a browser the cookie of a sign-in, and take it back."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse

from api.console.pages import PageRoute, page
from api.console.visits import SignInNeeded, delete_cookie, visit
from api.http.dependencies import CurrentParts, Now
from shared.services import sign_ins

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in")
async def show(out: Annotated[str | None, Query()] = None) -> HTMLResponse:
    """The page that offers the ways to sign in. out: the person has just signed out."""
    return page("sign_in.html", has_signed_out=out is not None)


@router.get("/sign-in/done")
async def show_done() -> HTMLResponse:
    """The page after signing in in a second window."""
    return page("message.html", title="You are signed in", detail="Close this window and go on in the other one.")


@router.post("/sign-out")
async def sign_out(request: Request, made: CurrentParts, now: Now) -> Response:
    """End the sign-in, and let the browser forget its cookie. A sign-in that has ended already is no error."""
    try:
        present = await visit(request)
    except SignInNeeded:
        pass
    else:
        await run_sync(sign_ins.sign_out, made.database, present.caller, present.sign_in_id, now)
    answer = RedirectResponse("/sign-in?out=1", status.HTTP_303_SEE_OTHER)
    delete_cookie(answer, made.settings)
    return answer
