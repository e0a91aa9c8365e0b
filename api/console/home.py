"""The address of the service itself: a person gets a page that says what this is, a program gets the same as JSON."""

from contextlib import suppress
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.console.demo import address_of_personas, organization_to_enter
from api.console.pages import PageRoute, page
from api.console.visits import HOME, SignInNeeded, visit
from api.http.dependencies import CurrentParts

router = APIRouter(route_class=PageRoute, include_in_schema=False)

WAYS = {
    "reference": "/docs",
    "openapi": "/openapi.json",
    "events": "/v1/events/asyncapi.json",
    "verify": "/verify",
    "health": "/health/ready",
}
"""The addresses that need no token, by what is there."""


@router.api_route("/", methods=["GET", "HEAD"])
async def show(request: Request, made: CurrentParts) -> Response:
    """The page for a browser, which asks for HTML, and JSON for everything else. Who is signed in is led on."""
    if "text/html" in request.headers.get("accept", "").lower():
        if request.cookies:
            with suppress(SignInNeeded):
                await visit(request)
                return RedirectResponse("training", 303)
        by_persona = address_of_personas(HOME) if organization_to_enter(request, made) else None
        return page("home.html", version=version("rollcall"), by_persona=by_persona)
    about = "Assigns training, records who completed it, and grants the licences that it earns."
    return JSONResponse({"name": "Rollcall", "version": version("rollcall"), "about": about, "links": WAYS})
