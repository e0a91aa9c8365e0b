"""Signed addresses: whoever has one may see or do one thing without an account. Nothing is stored.

A token is `body.signature` in base64url. The signature covers the text of the body, so no other spelling of it is
valid. The key is derived from the deployment's secret and the kind of link, so that a link of one kind is none of
another, and a bearer token is none at all.
Why no library signs it: docs/decisions/0007-session-links.md.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import Conflict, Problem
from shared.settings import Settings

LINK_LIFETIME = timedelta(days=30)

_SIGNATURE_BYTES = 16
"""128 bits cannot be guessed. A whole signature would make an address that is hard to type and that mails wrap."""


class LinksNotConfigured(Conflict):
    """No secret to sign with: a deployment that verifies tokens by published keys has none, unless one is set."""

    slug, title = "links-not-configured", "Links not configured"

    def __init__(self) -> None:
        super().__init__("This deployment has no secret to sign links with; set ROLLCALL_LINK_SECRET.")


class LinkInvalid(Problem):
    """The token has no valid signature. The answer says no more, so that it discloses nothing about what it names."""

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


@dataclass(frozen=True)
class MintedLink:
    """A link for a person. It is shown once, and stored nowhere."""

    url: str
    expires_at: datetime


class SignedLinks:
    """Signs and reads the links of one kind.

    kind: what the key is derived with; it is never changed. path: what stands before the token in the address.
    """

    def __init__(self, settings: Settings, kind: bytes, path: str) -> None:
        secret = settings.link_secret or settings.jwt_secret
        self._key = None if secret is None else hmac.digest(secret.encode(), kind, "sha256")
        self._address = f"{settings.public_url}/{path}/"

    def address(self, body: bytes) -> str:
        """Return the address with this body. Raises LinksNotConfigured."""
        if self._key is None:
            raise LinksNotConfigured
        text = _text(body)
        return f"{self._address}{text}.{_signature(self._key, text)}"

    def body(self, token: str) -> bytes:
        """Return the body of a token. Raises LinkInvalid."""
        text, _, signature = token.partition(".")
        if self._key is None or not hmac.compare_digest(signature.encode(), _signature(self._key, text).encode()):
            raise LinkInvalid
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def end_of_link(now: datetime) -> datetime:
    """Return when a link that is minted now expires."""
    return (now + LINK_LIFETIME).replace(microsecond=0)


def _signature(key: bytes, text: str) -> str:
    return _text(hmac.digest(key, text.encode(), "sha256")[:_SIGNATURE_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
