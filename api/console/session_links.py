"""The page of a session link, for a party without an account. The token in the address names the assignment.

A GET never completes, because mail scanners follow every link. A POST completes and redirects to the page, so that
reloading repeats nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from api.console.pages import PageRoute, page, words_of
from api.http.dependencies import CurrentParts, Now, VisitorsTurn
from shared import clock
from shared.assignments import AssignmentAnswer, SessionLink, SessionLinks
from shared.services import session_links
from shared.texts import reading

router = APIRouter(prefix="/s", route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Opened:
    """A valid link, and a transaction for its organization."""

    db: Session
    link: SessionLink


def _opened(token: str, parts: CurrentParts, now: Now, _: Annotated[None, VisitorsTurn]) -> Iterator[Opened]:
    """Read the token, and open a transaction for its organization. Raises LinkInvalid, LinkExpired."""
    link = SessionLinks(parts.settings).read(token, now)
    with parts.database.transaction(link.org_id) as db:
        yield Opened(db, link)


OpenedLink = Annotated[Opened, Depends(_opened, scope="function")]


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(request: Request, opened: OpenedLink, parts: CurrentParts, now: Now) -> HTMLResponse:
    """The page of the assignment: the course, the due date and a button to complete it, or when it was completed.

    It is in the party's language, or else the organization's.
    """
    found = session_links.open_link(opened.db, opened.link, parts.settings.features)
    today = clock.day_in(found.organization.time_zone, now)
    with reading(words_of(request, found.language, found.organization.language)):
        return page(
            "assignment.html",
            organization=found.organization,
            assignment=AssignmentAnswer.of(found.assignment, today),
            title=found.title,
            version=found.version,
        )


@router.post("/{token}")
def complete(token: str, opened: OpenedLink, parts: CurrentParts, now: Now) -> Response:
    """Complete the assignment, and redirect to its page. Repeated, it changes nothing. A body is ignored."""
    session_links.complete_by_link(opened.db, opened.link, parts.settings.features, now)
    return RedirectResponse(token, status.HTTP_303_SEE_OTHER)
