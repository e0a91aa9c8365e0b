"""Certificate links: signed addresses. With one, anybody sees the certificate of one licence.

A link is not stored. Its token holds the organization, the licence, its party and the end of the link's validity. It
dies with the revocation of the licence and with the erasure of the party, and it names the party, so it dies when the
licence becomes another party's too. It is signed with a key of its own and cannot be made from the printed code.
How it is signed: `shared/signed_links.py`. Why it is so: docs/decisions/0031-papers.md.
"""

import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from shared import events
from shared.errors import Problem
from shared.events import Actor, Fact
from shared.licences.actions import LicenceRevoked
from shared.licences.models import Licence
from shared.licences.verification import Proof
from shared.settings import Settings
from shared.signed_links import LinkExpired, MintedLink, SignedLinks, end_of_link

_FIXED = struct.Struct(">16sQ")
"""The beginning of a token's body: licence, end in seconds since 1970. The organization's id and the party's follow."""

_BETWEEN = "/"
"""Separates the two ids. No id contains it."""


class CertificateLinkDead(Problem):
    """The licence was revoked, or its party erased, merged or renumbered, after the link was minted."""

    slug, status, title = "certificate-link-dead", 410, "This certificate is shown no longer"

    def __init__(self) -> None:
        super().__init__(
            "The licence was revoked, or its holder has another id or was erased, after the link was sent. "
            "Ask the sender, or verify the printed code."
        )


@dataclass(frozen=True)
class CertificateLink:
    """The content of a token."""

    org_id: str
    licence_id: uuid.UUID
    party_id: str
    expires_at: datetime


class CertificateLinks:
    """Mints and reads certificate links."""

    def __init__(self, settings: Settings) -> None:
        self._signed = SignedLinks(settings, b"rollcall certificate link", "c")

    def mint(self, licence: Licence, now: datetime) -> MintedLink:
        """Return a link to the certificate of a licence. Raises LinksNotConfigured."""
        expires_at = end_of_link(now)
        body = _FIXED.pack(licence.id.bytes, int(expires_at.timestamp()))
        ids = f"{licence.org_id}{_BETWEEN}{licence.party_id}"
        return MintedLink(self._signed.address(body + ids.encode()), expires_at)

    def read(self, token: str, now: datetime) -> CertificateLink:
        """Return the content of a token. Raises LinkInvalid, LinkExpired."""
        body = self._signed.body(token)
        licence_id, ends = _FIXED.unpack_from(body)
        org_id, _, party_id = body[_FIXED.size :].decode().partition(_BETWEEN)
        link = CertificateLink(org_id, uuid.UUID(bytes=licence_id), party_id, datetime.fromtimestamp(ends, UTC))
        if link.expires_at <= now:
            raise LinkExpired
        return link


def mint_certificate_link(
    db: Session, links: CertificateLinks, proof: Proof, actor: Actor, now: datetime
) -> MintedLink:
    """Mint a link, and record an event. The licence is not changed. Raises LicenceRevoked, LinksNotConfigured."""
    licence = proof.licence
    if licence.revoked_at is not None:
        raise LicenceRevoked
    minted = links.mint(licence, now)
    data = {"expiresAt": minted.expires_at.isoformat()}
    fact = Fact("licence.certificate_link_minted", f"licence/{licence.id}", data, licence.party_id)
    events.record(db, actor, now, fact)
    return minted


def check_certificate_link(link: CertificateLink, proof: Proof) -> None:
    """Raise CertificateLinkDead if the licence was revoked, or is not the party's any more, or the party was erased."""
    licence = proof.licence
    if licence.revoked_at is not None or licence.party_id != link.party_id or proof.erased:
        raise CertificateLinkDead
