"""Session links: mint one, open it, complete its assignment. A link is for a party without an account.

Opening and completing need no sign-in, because the link is signed and names the assignment.
"""

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from shared import access, assignments, catalogue, directory
from shared.access import Caller, Organization, OrganizationUnknown, Permission
from shared.assignments import AssignmentState, Completion, CompletionMethod, SessionLink, SessionLinks
from shared.catalogue import CourseVersion
from shared.errors import NotFound, Problem
from shared.events import Actor
from shared.services.assignments import Shown
from shared.services.completions import complete_locked
from shared.services.verbs import verb
from shared.signed_links import LinkInvalid, MintedLink


class Paused(Problem):
    """Training is not available to the organization. The link or code works again once it is."""

    slug, status, title = "feature-not-available", 403, "Training is not available at the moment"

    def __init__(self) -> None:
        super().__init__("Nothing is lost. Please try again later, or ask the sender of the link.")


class LinkedAssignment(NamedTuple):
    """The assignment of a link, with everything that its page shows.

    title: the course's when the version was published. language: the party's, if it has one.
    """

    organization: Organization
    assignment: Shown
    title: str
    version: CourseVersion
    language: str | None


@verb(Permission.COMPLETE)
def mint_link(
    db: Session, caller: Caller, assignment_id: uuid.UUID, links: SessionLinks, now: datetime, *, force: bool
) -> MintedLink:
    """Return a link with which the party can complete this open assignment. Earlier links stay valid.

    Whoever has the link completes in the party's name, so minting needs the permission to complete. force: mint it
    although the party has an account.
    Raises NotFound, AssignmentCompleted, AssignmentClosed, PartyHasAccount, LinksNotConfigured.
    """
    assignment = assignments.locked(db, assignment_id, caller.folders)
    return assignments.mint_link(db, links, assignment, caller.actor, now, force=force)


def open_link(db: Session, link: SessionLink, features: frozenset[str]) -> LinkedAssignment:
    """Return the assignment of a link. Raises Paused, LinkInvalid, LinkDead."""
    organization = _organization(db, features)
    try:
        row = assignments.get(db, link.assignment_id, None)
    except NotFound:
        raise LinkInvalid from None
    assignments.check_link(link, row[0])
    assignments.check_party(db, row[0])
    version = catalogue.get_version(db, row[0].course_id, row[0].course_version_id)
    title = version.title or catalogue.get_course(db, row[0].course_id)[0].title
    language = directory.get_party(db, row[0].party_id, None)[0].language
    return LinkedAssignment(organization, row, title, version, language)


def complete_by_link(db: Session, link: SessionLink, features: frozenset[str], now: datetime) -> None:
    """Complete the assignment of a link as its party. Does nothing if it is completed already, by any method.

    Raises Paused, LinkInvalid, LinkDead.
    """
    _organization(db, features)
    try:
        assignments.lock_line(db, [link.assignment_id])
        assignment = assignments.locked(db, link.assignment_id, None)
    except NotFound:
        raise LinkInvalid from None
    assignments.check_link(link, assignment)
    assignments.check_party(db, assignment)
    if assignment.state == AssignmentState.ASSIGNED:
        party = Actor("party", assignment.party_id)
        completion = Completion(
            CompletionMethod.SESSION_LINK, party, access.today(db, now), link_minted_by=link.minted_by
        )
        complete_locked(db, assignment, completion, now)


def _organization(db: Session, features: frozenset[str]) -> Organization:
    """Return the link's organization. Raises LinkInvalid if it is unknown, Paused if it cannot use training now."""
    try:
        organization = access.get_organization(db)
    except OrganizationUnknown:
        raise LinkInvalid from None
    if access.unavailability(organization, features):
        raise Paused
    return organization
