"""The overview: completion by course, overdue assignments, licences that lapse, jobs under way, what waits."""

from typing import Any

from fastapi import Response
from fastapi.responses import RedirectResponse

from api.console.frame import ConsoleRouter, CurrentFrame
from api.console.job_titles import title_of
from api.console.viewing import start_address
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Now, allow
from shared.services import assignments, organizations, overview, views

router = ConsoleRouter("/overview")
training = ConsoleRouter("/training")
without_training = ConsoleRouter()


@router.get("", dependencies=[allow(overview.get_overview)])
def show(frame: CurrentFrame, db: Db, caller: CurrentCaller, now: Now) -> Response:
    """The page. A person who may see nothing of the organization is led to what is their own."""
    if caller.party_id is not None and not assignments.list_assignments.may(caller):
        return RedirectResponse("/me", 303)
    found = overview.get_overview(db, caller, now)
    sums = [sum(course[n] for course in found.courses or ()) for n in (2, 3, 5)]
    tallest = (
        max((max(one.lapses, one.seats.free or 0) for one in found.forecast.periods), default=0)
        if found.forecast
        else 0
    )
    shown: dict[str, Any] = {"open": sums[0], "completed": sums[1], "overdue": sums[2], "tallest": tallest or 1}
    return frame.page("overview.html", overview=found, title_of=title_of, **shown)


@training.get("", dependencies=[allow(views.find_start)])
def lead(db: Db, caller: CurrentCaller) -> Response:
    """Lead to the start page: a view, or the overview. `navigation` of `GET /v1/me` names this address."""
    return RedirectResponse(start_address(views.find_start(db, caller), caller), 303)


@without_training.get("/overview", dependencies=[allow(organizations.get_availability)])
@without_training.get("/training", dependencies=[allow(organizations.get_availability)])
def refuse(db: Db, caller: CurrentCaller, parts: CurrentParts) -> Response:
    """Never called: that training is not deployed is found before, and is the page."""
    organizations.get_availability(db, caller, parts.settings.features)
    return RedirectResponse("/", 303)
