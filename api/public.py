"""The pages that a party without an account opens: no member signs in, the address itself says whose page it is.

Reading never completes: mail scanners follow every link they find. Completing is a POST, and its answer leads back to
the page, so that reloading repeats nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Response, status
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.orm import Session

from api.dependencies import CurrentService, Now, Turn
from api.licensing import license_completion
from api.pages import PageRoute, page
from shared import access, assignments, catalogue, clock
from shared.access import Organization, OrganizationUnknown
from shared.assignments import AssignmentAnswer, LinkInvalid, SessionLink, SessionLinks
from shared.errors import NotFound, Problem
from shared.events import Actor

router = APIRouter(prefix="/s", route_class=PageRoute, include_in_schema=False)


class Paused(Problem):
    """Training is not available to the organization. The link is good again when it is."""

    slug, status, title = "feature-not-available", 403, "Training is not available at the moment"

    def __init__(self) -> None:
        super().__init__("Nothing is lost. Please try again later, or ask whoever sent the link.")


@dataclass(frozen=True)
class Opened:
    """A link that was opened, in a transaction for its organization."""

    db: Session
    link: SessionLink
    organization: Organization


def _opened(token: str, service: CurrentService, now: Now, _: Annotated[None, Turn]) -> Iterator[Opened]:
    """Raises LinkInvalid, also for what is no longer there, LinkExpired and Paused."""
    link = SessionLinks(service.settings).read(token, now)
    try:
        with service.database.transaction(link.org_id) as db:
            organization = access.organization(db)
            if access.unavailability(organization, service.settings.features):
                raise Paused
            yield Opened(db, link, organization)
    except (NotFound, OrganizationUnknown):
        raise LinkInvalid from None


OpenedLink = Annotated[Opened, Depends(_opened, scope="function")]


@router.api_route("/{token}", methods=["GET", "HEAD"])
def show(opened: OpenedLink, now: Now) -> HTMLResponse:
    """The assignment as its party sees it: what to learn, by when, and one button; or when it was done."""
    db, organization = opened.db, opened.organization
    row = assignments.get(db, opened.link.assignment_id, None)
    assignments.check_link(opened.link, row[0])
    return page(
        "assignment.html",
        organization=organization,
        assignment=AssignmentAnswer.of(row, clock.day_in(organization.time_zone, now)),
        course=catalogue.course(db, row[0].course_id)[0],
        version=catalogue.version(db, row[0].course_id, row[0].course_version_id),
    )


@router.post("/{token}")
def complete(token: str, opened: OpenedLink, now: Now) -> Response:
    """Complete it, once however often it is sent, and lead back to the page. A body is not looked at."""
    today = clock.day_in(opened.organization.time_zone, now)
    assignment = assignments.locked(opened.db, opened.link.assignment_id, None)
    assignments.check_link(opened.link, assignment)
    license_completion(opened.db, assignment, Actor("party", assignment.party_id), now)
    assignments.complete_by_link(opened.db, opened.link, today, now)
    return RedirectResponse(token, status.HTTP_303_SEE_OTHER)
