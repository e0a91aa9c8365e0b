"""Session links: with one, a party without an account completes one assignment. Minted by a member, opened by anybody.

Opening needs no sign-in: the link itself is signed, and says whose it is.
"""

import uuid
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from shared import access, assignments, catalogue
from shared.access import Caller, Organization, OrganizationUnknown, Permission
from shared.assignments import (
    AssignmentState,
    Completion,
    CompletionMethod,
    LinkInvalid,
    MintedLink,
    SessionLink,
    SessionLinks,
)
from shared.catalogue import Course, CourseVersion
from shared.errors import NotFound, Problem
from shared.events import Actor
from shared.services.assignments import Shown
from shared.services.completions import complete_locked
from shared.services.verbs import verb


class Paused(Problem):
    """Training is not available to the organization. The link works again when it is."""

    slug, status, title = "feature-not-available", 403, "Training is not available at the moment"

    def __init__(self) -> None:
        super().__init__("Nothing is lost. Please try again later, or ask whoever sent the link.")


class LinkedAssignment(NamedTuple):
    """The assignment of a link, with everything that its party is shown."""

    organization: Organization
    assignment: Shown
    course: Course
    version: CourseVersion


@verb(Permission.ASSIGN, Permission.MANAGE_ASSIGNMENTS)
def mint_link(db: Session, caller: Caller, assignment_id: uuid.UUID, links: SessionLinks, now: datetime) -> MintedLink:
    """A link with which the party completes this open assignment itself. Links minted earlier stay good."""
    assignment = assignments.locked(db, assignment_id, caller.folders)
    return assignments.mint_link(db, links, assignment, caller.actor, now)


def open_link(db: Session, link: SessionLink, features: frozenset[str]) -> LinkedAssignment:
    """The assignment as its party sees it. Raises Paused, LinkInvalid, LinkDead."""
    organization = _organization(db, features)
    try:
        row = assignments.get(db, link.assignment_id, None)
    except NotFound:
        raise LinkInvalid from None
    assignments.check_link(link, row[0])
    course = catalogue.get_course(db, row[0].course_id)[0]
    return LinkedAssignment(
        organization, row, course, catalogue.get_version(db, row[0].course_id, row[0].course_version_id)
    )


def complete_by_link(db: Session, link: SessionLink, features: frozenset[str], now: datetime) -> None:
    """Record that the party completed it; nothing happens when it is completed already, in whatever way.

    Raises Paused, LinkInvalid, LinkDead.
    """
    _organization(db, features)
    try:
        assignment = assignments.locked(db, link.assignment_id, None)
    except NotFound:
        raise LinkInvalid from None
    assignments.check_link(link, assignment)
    if assignment.state == AssignmentState.ASSIGNED:
        party = Actor("party", assignment.party_id)
        completion = Completion(CompletionMethod.SESSION_LINK, party, access.today(db, now))
        complete_locked(db, assignment, completion, now)


def _organization(db: Session, features: frozenset[str]) -> Organization:
    """The link's organization, if it can use training now."""
    try:
        organization = access.get_organization(db)
    except OrganizationUnknown:
        raise LinkInvalid from None
    if access.unavailability(organization, features):
        raise Paused
    return organization
