"""A licence as an Open Badges 3.0 credential: a signed document that its holder keeps and anybody can verify.

It states what was true when it was signed. Its status address tells what has changed since: that the licence was
revoked, or now ends earlier. Specification: https://www.imsglobal.org/spec/ob/v3p0/
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from shared.errors import Conflict
from shared.licences.keys import CredentialKeys
from shared.licences.models import Licence, LicenceSource
from shared.licences.verification import Proof

CONTEXTS = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json",
)
SCHEMA = "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"


@dataclass(frozen=True)
class Issuer:
    """The organization, as named in a credential. public_url: the public address of this service."""

    org_id: str
    name: str
    public_url: str

    @property
    def address(self) -> str:
        """The issuer's id in credentials, which is also the address of its profile."""
        return f"{self.public_url}/issuers/{self.org_id}"

    def profile(self) -> dict[str, Any]:
        """The issuer's profile, as served at its address and contained in each credential."""
        return {"id": self.address, "type": ["Profile"], "name": self.name}

    def verify_address(self, licence: Licence) -> str:
        """The address of the page that verifies a licence; its QR code contains it."""
        return f"{self.public_url}/verify/{licence.code}"


@dataclass(frozen=True)
class Said:
    """The dates that a credential says, in seconds since 1970. since: None for the instant of the grant."""

    until: int
    since: int | None

    @classmethod
    def of(cls, licence: Licence) -> Self:
        """The dates that a credential says if it is signed now."""
        return cls(_seconds(licence.expires_at), None if licence.valid_from is None else _seconds(licence.valid_from))


class NotEarnedHere(Conflict):
    """A credential says that its issuer trained the holder, so none is signed for a record."""

    slug, title = "not-earned-here", "Not earned here"

    def __init__(self) -> None:
        super().__init__("This licence records what was earned elsewhere or before, so no credential is signed for it.")


def sign_credential(proof: Proof, issuer: Issuer, keys: CredentialKeys) -> str:
    """Returns the credential as a compact JWS (VC-JWT). The standard requires the JWT claims to repeat its fields.

    Raises NotEarnedHere.
    """
    if proof.licence.source is LicenceSource.RECORD:
        raise NotEarnedHere
    credential = unsigned(proof, issuer)
    licence = proof.licence
    claims = {
        "iss": credential["issuer"]["id"],
        "jti": credential["id"],
        "sub": credential["credentialSubject"]["id"],
        "nbf": _seconds(licence.begins_at),
        "exp": _seconds(licence.expires_at),
    }
    return keys.sign(credential | claims)


def unsigned(proof: Proof, issuer: Issuer) -> dict[str, Any]:
    """Returns the OpenBadgeCredential. Its times are whole seconds, because JWT claims have no fractions."""
    licence = proof.licence
    said = Said.of(licence)
    title = f"{proof.title} {proof.version}"
    narrative = f"{issuer.name} recorded that the holder completed “{proof.title}”, version {proof.version}."
    return {
        "@context": list(CONTEXTS),
        "id": _credential_id(licence, issuer, said),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": title,
        "issuer": issuer.profile(),
        "validFrom": _instant(licence.begins_at),
        "validUntil": _instant(licence.expires_at),
        "awardedDate": _instant(licence.granted_at),
        "credentialSubject": {
            "id": f"{issuer.verify_address(licence)}#holder",
            "type": ["AchievementSubject"],
            "identifier": [
                {"type": "IdentityObject", "hashed": False, "identityHash": proof.holder, "identityType": "name"}
            ],
            "achievement": {
                "id": f"urn:uuid:{licence.course_version_id}",
                "type": ["Achievement"],
                "achievementType": "CertificateOfCompletion",
                "name": title,
                "description": proof.description or narrative,
                "humanCode": proof.code,
                "version": proof.version,
                "criteria": {"narrative": narrative},
            },
        },
        "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
        "credentialStatus": {
            "id": _status_id(licence, issuer, said),
            "type": "1EdTechRevocationList",
        },
    }


def status_document(licence: Licence, issuer: Issuer, said: Said) -> dict[str, Any]:
    """Returns the revocation list for one credential: the one that said these dates.

    The list has one entry or none, because a list of all credentials would disclose every holder to everybody. A
    credential that begins earlier or ends later than the licence does now is revoked; its holder can fetch a new one. A
    superseded licence's credential is not revoked: it was earned, and it expires by itself.
    """
    revoked = licence.revoked_at is not None
    ends_earlier = _seconds(licence.expires_at) < said.until
    begins_later = _seconds(licence.begins_at) > (_seconds(licence.granted_at) if said.since is None else said.since)
    reason = "The licence was revoked." if revoked else "The licence now ends earlier."
    if begins_later and not revoked and not ends_earlier:
        reason = "The licence now begins later."
    entry = {"id": _credential_id(licence, issuer, said), "revoked": True, "revocationReason": reason}
    return {
        "@context": list(CONTEXTS[1:]),
        "id": _status_id(licence, issuer, said),
        "issuer": issuer.address,
        "revokedCredentials": [entry] if revoked or ends_earlier or begins_later else [],
    }


def _credential_id(licence: Licence, issuer: Issuer, said: Said) -> str:
    """A corrected date gives a new id: a verifier must tell the old credential from the new one."""
    return f"{issuer.verify_address(licence)}#{said.until}" + ("" if said.since is None else f"-{said.since}")


def _status_id(licence: Licence, issuer: Issuer, said: Said) -> str:
    since = "" if said.since is None else f"&since={said.since}"
    return f"{issuer.verify_address(licence)}/status?until={said.until}{since}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
