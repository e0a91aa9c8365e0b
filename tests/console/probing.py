"""Pages that tell who their visitor is: what every page does before it does anything of its own."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.app import create_app
from api.console.visits import RECENT, CurrentVisit, visit
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now
from api.http.parts import Parts
from shared import access


class ProbeRoute(APIRoute):
    """A route that begins a visit first, as a page does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            await visit(request)
            return await handle(request)

        return answer


router = APIRouter(prefix="/probe", route_class=ProbeRoute, include_in_schema=False)


@router.api_route("", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def tell(visit: CurrentVisit, caller: CurrentCaller, db: Db, now: Now) -> dict[str, Any]:
    """Tell who is visiting, and which organization the transaction works for."""
    return {
        "member": caller.member_id,
        "party": caller.party_id,
        "folders": None if caller.folders is None else sorted(caller.folders),
        "permissions": sorted(caller.permissions),
        "name": visit.name,
        "organization": visit.organization.name,
        "transaction": access.get_organization(db).id,
        "recent": visit.is_recent(now),
    }


@router.post("/recent", dependencies=[RECENT])
def act(_: CurrentParts) -> dict[str, Any]:
    """Do what needs a recent sign-in."""
    return {"done": True}


def with_probes(parts: Parts) -> FastAPI:
    """Return the application with the probes."""
    app = create_app(parts)
    app.include_router(router)
    return app


def status(browser: TestClient, method: str = "GET", **headers: str) -> int:
    """Return the status of a request to a page."""
    return browser.request(method, "/probe", headers=headers).status_code
