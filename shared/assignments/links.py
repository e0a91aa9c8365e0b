"""Session links: signed addresses, with each of which a party without an account completes one assignment.

A link is worked out and never stored. Its token says for which assignment it is and until when, and the epoch of the
assignment's links: closing or reassigning raises that, and what was handed out before is dead.
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
"""128 bits cannot be guessed, and an address half as long survives being typed off a screen or wrapped in a mail."""


class LinksNotConfigured(Conflict):
    """There is no secret to sign with: the deployment trusts published keys, whose private halves are elsewhere."""

    slug, title = "links-not-configured", "Session links not configured"

    def __init__(self) -> None:
        super().__init__("This deployment has no secret to sign session links with; set ROLLCALL_LINK_SECRET.")


class LinkInvalid(Problem):
    """Not one of ours. What it resembles, and whether that exists, is not said."""

    slug, status, title = "link-invalid", 404, "This link does not work"

    def __init__(self) -> None:
        super().__init__(
            "Part of it may be missing: please open it again from the message that brought it. "
            "If that does not help, ask whoever sent it for a new one."
        )


class LinkExpired(Problem):
    """Good once, too old now."""

    slug, status, title = "link-expired", 410, "This link has expired"

    def __init__(self) -> None:
        super().__init__(f"A link works for {LINK_LIFETIME.days} days. Please ask whoever sent it for a new one.")


class LinkDead(Problem):
    """The assignment was closed or reassigned since."""

    slug, status, title = "link-dead", 410, "There is nothing left to do here"

    def __init__(self) -> None:
        super().__init__(
            "This training was taken back or given to somebody else after the link was sent. "
            "If you expected to complete it, ask whoever sent the link."
        )


@dataclass(frozen=True)
class SessionLink:
    """What a token says. epoch: the assignment's `link_epoch` when it was minted."""

    org_id: str
    assignment_id: uuid.UUID
    epoch: int
    expires_at: datetime


@dataclass(frozen=True)
class MintedLink:
    """A link to hand to its party. It is shown to nobody else, and written down nowhere."""

    url: str
    expires_at: datetime


class SessionLinks:
    """Mints and reads the links of a deployment, by a key of their own: no bearer token is a link, nor the reverse."""

    def __init__(self, settings: Settings) -> None:
        secret = settings.link_secret or settings.jwt_secret
        self._key = None if secret is None else hmac.digest(secret.encode(), b"rollcall session link", "sha256")
        self._address = f"{settings.public_url}/s/"

    def mint(self, assignment: Assignment, now: datetime) -> MintedLink:
        """A link for the assignment as it stands. Raises LinksNotConfigured."""
        if self._key is None:
            raise LinksNotConfigured
        expires_at = (now + LINK_LIFETIME).replace(microsecond=0)
        body = _FIXED.pack(assignment.id.bytes, assignment.link_epoch, int(expires_at.timestamp()))
        text = _text(body + assignment.org_id.encode())
        return MintedLink(f"{self._address}{text}.{_signature(self._key, text)}", expires_at)

    def read(self, token: str, now: datetime) -> SessionLink:
        """What a token says, in the one spelling it was minted in. Raises LinkInvalid, LinkExpired."""
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
    """Mint one by hand, and record who did. The assignment itself stays untouched.

    Raises AssignmentCompleted, AssignmentClosed, LinksNotConfigured.
    """
    need_open(assignment)
    minted = links.mint(assignment, now)
    data = {"expiresAt": minted.expires_at.isoformat()}
    fact = Fact("assignment.session_link_minted", f"assignment/{assignment.id}", data, assignment.party_id)
    events.record(db, actor, now, fact)
    return minted


def check_link(link: SessionLink, assignment: Assignment) -> None:
    """Raise LinkDead for a link from before its assignment was closed, even if it was reopened since."""
    if assignment.state == AssignmentState.CLOSED or assignment.link_epoch != link.epoch:
        raise LinkDead


def _signature(key: bytes, text: str) -> str:
    return _text(hmac.digest(key, text.encode(), "sha256")[:_SIGNATURE_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
