"""A licence as an Open Badges 3.0 credential: a signed document that its holder keeps and anybody can verify.

It states what was true when it was signed. Its status address tells what has changed since: that the licence was
revoked, or now ends earlier. Specification: https://www.imsglobal.org/spec/ob/v3p0/
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.licences.keys import CredentialKeys
from shared.licences.models import Licence
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


def sign_credential(proof: Proof, issuer: Issuer, keys: CredentialKeys) -> str:
    """Returns the credential as a compact JWS (VC-JWT). The standard requires the JWT claims to repeat its fields."""
    credential = unsigned(proof, issuer)
    licence = proof.licence
    claims = {
        "iss": credential["issuer"]["id"],
        "jti": credential["id"],
        "sub": credential["credentialSubject"]["id"],
        "nbf": _seconds(licence.granted_at),
        "exp": _seconds(licence.expires_at),
    }
    return keys.sign(credential | claims)


def unsigned(proof: Proof, issuer: Issuer) -> dict[str, Any]:
    """Returns the OpenBadgeCredential. Its times are whole seconds, because JWT claims have no fractions."""
    licence = proof.licence
    title = f"{proof.title} {proof.version}"
    narrative = f"{issuer.name} recorded that the holder completed “{proof.title}”, version {proof.version}."
    return {
        "@context": list(CONTEXTS),
        "id": _credential_id(licence, issuer, _seconds(licence.expires_at)),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": title,
        "issuer": issuer.profile(),
        "validFrom": _instant(licence.granted_at),
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
            "id": _status_id(licence, issuer, _seconds(licence.expires_at)),
            "type": "1EdTechRevocationList",
        },
    }


def status_document(licence: Licence, issuer: Issuer, until: int) -> dict[str, Any]:
    """Returns the revocation list for one credential: the one that was signed when the licence ended at `until`.

    until: seconds since 1970. The list has one entry or none, because a list of all credentials would disclose every
    holder to everybody. A credential whose end is later than the licence's present end is revoked; its holder can
    fetch a new one. A superseded licence's credential is not revoked: it was earned, and it expires by itself.
    """
    revoked = licence.revoked_at is not None
    shortened = _seconds(licence.expires_at) < until
    reason = "The licence was revoked." if revoked else "The licence now ends earlier."
    entry = {"id": _credential_id(licence, issuer, until), "revoked": True, "revocationReason": reason}
    return {
        "@context": list(CONTEXTS[1:]),
        "id": _status_id(licence, issuer, until),
        "issuer": issuer.address,
        "revokedCredentials": [entry] if revoked or shortened else [],
    }


def _credential_id(licence: Licence, issuer: Issuer, until: int) -> str:
    """A corrected end gives a new id: a verifier must tell the old credential from the new one."""
    return f"{issuer.verify_address(licence)}#{until}"


def _status_id(licence: Licence, issuer: Issuer, until: int) -> str:
    return f"{issuer.verify_address(licence)}/status?until={until}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
