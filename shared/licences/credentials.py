"""A licence as an Open Badges 3.0 credential: a signed document that its holder keeps, and anybody can verify.

It says what was true when it was made, so what can change later is asked of its status address: whether it was
revoked, or its end brought forward. https://www.imsglobal.org/spec/ob/v3p0/ has the shape.
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
    """The organization as those outside know it. public_url: where this service is reached."""

    org_id: str
    name: str
    public_url: str

    @property
    def address(self) -> str:
        """Its id in credentials, at which its profile is."""
        return f"{self.public_url}/issuers/{self.org_id}"

    def profile(self) -> dict[str, Any]:
        """Its profile, as it stands in a credential too."""
        return {"id": self.address, "type": ["Profile"], "name": self.name}

    def verify_address(self, licence: Licence) -> str:
        """Where people verify a licence: what its QR code leads to."""
        return f"{self.public_url}/verify/{licence.code}"


def signed(proof: Proof, issuer: Issuer, keys: CredentialKeys) -> str:
    """The credential as a compact JWS (VC-JWT): its claims repeat what verifiers look for, as the standard asks."""
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
    """The OpenBadgeCredential itself. Its times are whole seconds, because those of the claims are."""
    licence, course = proof.licence, proof.course
    title = f"{course.title} {proof.version}"
    narrative = f"{issuer.name} recorded that the holder completed “{course.title}”, version {proof.version}."
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
                "description": course.description or narrative,
                "humanCode": course.code,
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


def status(licence: Licence, issuer: Issuer, until: int) -> dict[str, Any]:
    """The revocation list of the credential that was given out for a licence when it ended at `until`.

    until: seconds since 1970. A list of one credential or none: a list of all would tell everybody of everybody. One
    that promises a later end than the licence has by now is revoked; the holder fetches another. Superseded ones are
    not: they were earned, and end by themselves.
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
    """Another one after a corrected end, or a verifier could not tell the two apart."""
    return f"{issuer.verify_address(licence)}#{until}"


def _status_id(licence: Licence, issuer: Issuer, until: int) -> str:
    return f"{issuer.verify_address(licence)}/status?until={until}"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
