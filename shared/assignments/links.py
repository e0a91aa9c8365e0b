"""Session links: signed addresses. With one, a party without an account completes one assignment.

A link is not stored. Its token holds the organization, the assignment, the end of its validity, the member who minted
it by hand, and the assignment's `link_epoch` when it was minted. Closing or reassigning the assignment raises the
epoch, so earlier links stop working.
How it is signed: `shared/signed_links.py`. Why it is so: docs/decisions/0007-session-links.md.
"""

import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import events
from shared.assignments.actions import need_open
from shared.assignments.models import Assignment, AssignmentState
from shared.directory import Party
from shared.errors import Conflict, Problem
from shared.events import Actor, Fact
from shared.settings import Settings
from shared.signed_links import LinkExpired, MintedLink, SignedLinks, end_of_link

_FIXED = struct.Struct(">16sIQ")
"""The beginning of a token's body: assignment, epoch, end in seconds since 1970. The organization's id follows."""

_MINTER = "/"
"""Separates the organization's id from that of the member who minted the link by hand. No id contains it."""


class PartyHasAccount(Conflict):
    """A party with an account signs in. A link for it lets somebody else complete in its name, so it must be forced."""

    slug, title = "party-has-account", "Party has an account"

    def __init__(self) -> None:
        super().__init__("The party has an account and can sign in; send `force: true` to mint a link all the same.")


class LinkDead(Problem):
    """The assignment was closed or reassigned after the link was minted, or its party is inactive or erased."""

    slug, status, title = "link-dead", 410, "There is nothing left to do here"

    def __init__(self) -> None:
        super().__init__(
            "This training was withdrawn or assigned to another person after the link was sent. "
            "If you expected to complete it, ask the sender of the link."
        )


@dataclass(frozen=True)
class SessionLink:
    """The content of a token. epoch: the assignment's `link_epoch` when the link was minted.

    minted_by: the member who minted the link by hand, None for a link that the party was sent.
    """

    org_id: str
    assignment_id: uuid.UUID
    epoch: int
    expires_at: datetime
    minted_by: str | None = None


class SessionLinks:
    """Mints and reads session links. Their key is derived from the secret, so a bearer token is never a valid link."""

    def __init__(self, settings: Settings) -> None:
        self._signed = SignedLinks(settings, b"rollcall session link", "s")

    def mint(self, assignment: Assignment, now: datetime, *, minted_by: str | None = None) -> MintedLink:
        """Return a link for the assignment with its present epoch. Raises LinksNotConfigured.

        minted_by: the member who mints it by hand, None for a link that the party is sent.
        """
        expires_at = end_of_link(now)
        body = _FIXED.pack(assignment.id.bytes, assignment.link_epoch, int(expires_at.timestamp()))
        holder = assignment.org_id if minted_by is None else f"{assignment.org_id}{_MINTER}{minted_by}"
        return MintedLink(self._signed.address(body + holder.encode()), expires_at)

    def read(self, token: str, now: datetime) -> SessionLink:
        """Return the content of a token. Raises LinkInvalid, LinkExpired."""
        body = self._signed.body(token)
        assignment_id, epoch, ends = _FIXED.unpack_from(body)
        org_id, _, minted_by = body[_FIXED.size :].decode().partition(_MINTER)
        link = SessionLink(
            org_id=org_id,
            assignment_id=uuid.UUID(bytes=assignment_id),
            epoch=epoch,
            expires_at=datetime.fromtimestamp(ends, UTC),
            minted_by=minted_by or None,
        )
        if link.expires_at <= now:
            raise LinkExpired
        return link


def mint_link(
    db: Session, links: SessionLinks, assignment: Assignment, actor: Actor, now: datetime, *, force: bool
) -> MintedLink:
    """Mint a link for a member, and record an event. The assignment itself is not changed.

    force: mint it although the party has an account.
    Raises AssignmentCompleted, AssignmentClosed, PartyHasAccount, LinksNotConfigured.
    """
    need_open(assignment)
    if not force and _party(db, assignment).member_id is not None:
        raise PartyHasAccount
    minted = links.mint(assignment, now, minted_by=actor.id)
    data = {"expiresAt": minted.expires_at.isoformat()}
    fact = Fact("assignment.session_link_minted", f"assignment/{assignment.id}", data, assignment.party_id)
    events.record(db, actor, now, fact)
    return minted


def check_link(link: SessionLink, assignment: Assignment) -> None:
    """Raise LinkDead if the assignment was closed after the link was minted, even if it was reopened later."""
    if assignment.state == AssignmentState.CLOSED or assignment.link_epoch != link.epoch:
        raise LinkDead


def check_party(db: Session, assignment: Assignment) -> None:
    """Raise LinkDead if the party of a link's assignment is inactive or erased by now."""
    party = _party(db, assignment)
    if not party.active or party.erased_at is not None:
        raise LinkDead


def _party(db: Session, assignment: Assignment) -> Party:
    return db.scalars(select(Party).where(Party.org_id == assignment.org_id, Party.id == assignment.party_id)).one()
