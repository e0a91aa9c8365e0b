"""The keys that sign credentials. The first one signs; all are published, so that credentials of a replaced key verify.

Unrelated to the keys of bearer tokens (`shared.access`), which authenticate callers.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from shared.errors import Conflict
from shared.settings import Settings, private_keys

KEYS_PATH = "/.well-known/jwks.json"


class CredentialsNotConfigured(Conflict):
    """This deployment has no key that signs credentials."""

    slug, title = "credentials-not-configured", "Credentials not configured"

    def __init__(self) -> None:
        super().__init__(
            "This deployment has no key to sign credentials with; set ROLLCALL_CREDENTIAL_KEY, which "
            "`rollcall keys credential` makes."
        )


@dataclass(frozen=True)
class _Key:
    """One key. id: an address where its public half is found, as Open Badges requires of a `kid`."""

    private: EllipticCurvePrivateKey | Ed25519PrivateKey
    algorithm: str
    id: str
    public: dict[str, Any]


class CredentialKeys:
    """The keys of a deployment. Raises CredentialsNotConfigured if it has none."""

    def __init__(self, settings: Settings) -> None:
        if settings.credential_key is None:
            raise CredentialsNotConfigured
        self._keys = _keys(settings.credential_key, settings.public_url)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Returns the claims as a compact JWS, signed by the first key."""
        key = self._keys[0]
        return jwt.encode(dict(claims), key.private, algorithm=key.algorithm, headers={"kid": key.id, "typ": "JWT"})

    def published(self) -> list[dict[str, Any]]:
        """Returns the public halves as JSON Web Keys (RFC 7517)."""
        return [key.public for key in self._keys]


@lru_cache(maxsize=4)
def _keys(pem: str, public_url: str) -> tuple[_Key, ...]:
    return tuple(_key(private, public_url) for private in private_keys(pem))


def _key(private: EllipticCurvePrivateKey | Ed25519PrivateKey, public_url: str) -> _Key:
    if isinstance(private, Ed25519PrivateKey):
        algorithm, numbers = "EdDSA", OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        algorithm, numbers = "ES256", ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    needed = {name: numbers[name] for name in ("crv", "kty", "x", "y") if name in numbers}
    digest = hashlib.sha256(json.dumps(needed, sort_keys=True, separators=(",", ":")).encode()).digest()  # RFC 7638
    identifier = f"{public_url}{KEYS_PATH}#{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    return _Key(private, algorithm, identifier, needed | {"kid": identifier, "use": "sig", "alg": algorithm})
