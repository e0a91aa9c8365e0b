"""Session links: signed addresses. With one, a party without an account completes one assignment.

A link is not stored. Its token holds the organization, the assignment, the end of its validity, and the assignment's
`link_epoch` when it was minted. Closing or reassigning the assignment raises the epoch, so earlier links stop working.
Why no library signs it: docs/decisions/0007-session-links.md.
"""

import base64
import hmac
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from shared import events
from shared.assignments.actions import need_open
from shared.assignments.models import Assignment, AssignmentState
from shared.errors import Conflict, Problem
from shared.events import Actor, Fact
from shared.settings import Settings

LINK_LIFETIME = timedelta(days=30)

_FIXED = struct.Struct(">16sIQ")
"""The beginning of a token's body: assignment, epoch, end in seconds since 1970. The organization's id follows."""

_SIGNATURE_BYTES = 16
"""128 bits cannot be guessed. A whole signature would make an address that is hard to type and that mails wrap."""


class LinksNotConfigured(Conflict):
    """No secret to sign with: a deployment that verifies tokens by published keys has none, unless one is set."""

    slug, title = "links-not-configured", "Session links not configured"

    def __init__(self) -> None:
        super().__init__("This deployment has no secret to sign session links with; set ROLLCALL_LINK_SECRET.")


class LinkInvalid(Problem):
    """The token has no valid signature. The answer says no more, so that it discloses nothing about assignments."""

    slug, status, title = "link-invalid", 404, "This link does not work"

    def __init__(self) -> None:
        super().__init__(
            "Part of it may be missing: please open it again from the message that you received. "
            "If that does not help, ask the sender for a new one."
        )


class LinkExpired(Problem):
    """The link was valid and has expired."""

    slug, status, title = "link-expired", 410, "This link has expired"

    def __init__(self) -> None:
        super().__init__(f"A link works for {LINK_LIFETIME.days} days. Please ask the sender for a new one.")


class LinkDead(Problem):
    """The assignment was closed or reassigned after the link was minted."""

    slug, status, title = "link-dead", 410, "There is nothing left to do here"

    def __init__(self) -> None:
        super().__init__(
            "This training was withdrawn or assigned to another person after the link was sent. "
            "If you expected to complete it, ask the sender of the link."
        )


@dataclass(frozen=True)
class SessionLink:
    """The content of a token. epoch: the assignment's `link_epoch` when the link was minted."""

    org_id: str
    assignment_id: uuid.UUID
    epoch: int
    expires_at: datetime


@dataclass(frozen=True)
class MintedLink:
    """A link for its party. It is shown once, and stored nowhere."""

    url: str
    expires_at: datetime


class SessionLinks:
    """Mints and reads session links. Their key is derived from the secret, so a bearer token is never a valid link."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.link_secret or settings.jwt_secret
        self._key = None if secret is None else hmac.digest(secret.encode(), b"rollcall session link", "sha256")
        self._address = f"{settings.public_url}/s/"

    def mint(self, assignment: Assignment, now: datetime) -> MintedLink:
        """Return a link for the assignment with its present epoch. Raises LinksNotConfigured."""
        if self._key is None:
            raise LinksNotConfigured
        expires_at = (now + LINK_LIFETIME).replace(microsecond=0)
        body = _FIXED.pack(assignment.id.bytes, assignment.link_epoch, int(expires_at.timestamp()))
        text = _text(body + assignment.org_id.encode())
        return MintedLink(f"{self._address}{text}.{_signature(self._key, text)}", expires_at)

    def read(self, token: str, now: datetime) -> SessionLink:
        """Return the content of a token. Raises LinkInvalid, LinkExpired.

        The signature covers the text of the token, so no other spelling of it is valid.
        """
        text, _, signature = token.partition(".")
        if self._key is None or not hmac.compare_digest(signature.encode(), _signature(self._key, text).encode()):
            raise LinkInvalid
        body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assignment_id, epoch, ends = _FIXED.unpack_from(body)
        link = SessionLink(
            org_id=body[_FIXED.size :].decode(),
            assignment_id=uuid.UUID(bytes=assignment_id),
            epoch=epoch,
            expires_at=datetime.fromtimestamp(ends, UTC),
        )
        if link.expires_at <= now:
            raise LinkExpired
        return link


def mint_link(db: Session, links: SessionLinks, assignment: Assignment, actor: Actor, now: datetime) -> MintedLink:
    """Mint a link for a member, and record an event. The assignment itself is not changed.

    Raises AssignmentCompleted, AssignmentClosed, LinksNotConfigured.
    """
    need_open(assignment)
    minted = links.mint(assignment, now)
    data = {"expiresAt": minted.expires_at.isoformat()}
    fact = Fact("assignment.session_link_minted", f"assignment/{assignment.id}", data, assignment.party_id)
    events.record(db, actor, now, fact)
    return minted


def check_link(link: SessionLink, assignment: Assignment) -> None:
    """Raise LinkDead if the assignment was closed after the link was minted, even if it was reopened later."""
    if assignment.state == AssignmentState.CLOSED or assignment.link_epoch != link.epoch:
        raise LinkDead


def _signature(key: bytes, text: str) -> str:
    return _text(hmac.digest(key, text.encode(), "sha256")[:_SIGNATURE_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
