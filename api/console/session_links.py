"""The page that a session link opens, for a party without an account: the address itself says whose page it is.

Reading never completes: mail scanners follow every link they find. Completing is a POST, and its answer leads back to
the page, so that reloading repeats nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from api.console.pages import PageRoute, page
from api.http.dependencies import CurrentParts, Now, Turn
from shared import clock
from shared.assignments import AssignmentAnswer, SessionLink, SessionLinks
from shared.services import session_links

router = APIRouter(prefix="/s", route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Opened:
    """A link that can be read, in a transaction for its organization."""

    db: Session
    link: SessionLink


def _opened(token: str, parts: CurrentParts, now: Now, _: Annotated[None, Turn]) -> Iterator[Opened]:
    """Raises LinkInvalid, LinkExpired."""
    link = SessionLinks(parts.settings).read(token, now)
    with parts.database.transaction(link.org_id) as db:
        yield Opened(db, link)


OpenedLink = Annotated[Opened, Depends(_opened, scope="function")]


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(opened: OpenedLink, parts: CurrentParts, now: Now) -> HTMLResponse:
    """The assignment as its party sees it: what to learn, by when, and one button; or when it was done."""
    found = session_links.open_link(opened.db, opened.link, parts.settings.features)
    today = clock.day_in(found.organization.time_zone, now)
    return page(
        "assignment.html",
        organization=found.organization,
        assignment=AssignmentAnswer.of(found.assignment, today),
        course=found.course,
        version=found.version,
    )


@router.post("/{token}")
def complete(token: str, opened: OpenedLink, parts: CurrentParts, now: Now) -> Response:
    """Complete it, once however often it is sent, and lead back to the page. A body is not looked at."""
    session_links.complete_by_link(opened.db, opened.link, parts.settings.features, now)
    return RedirectResponse(token, status.HTTP_303_SEE_OTHER)
