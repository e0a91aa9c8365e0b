"""An identity provider for tests: key pairs, their published form, and tokens signed by hand."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Key:
    """A key pair with its id."""

    kid: str
    algorithm: str
    private: Private

    @classmethod
    def make(cls, algorithm: str, kid: str = "key-1") -> "Key":
        """Returns a new key pair."""
        private: Private
        match algorithm:
            case "RS256":
                private = rsa.generate_private_key(65537, 2048)
            case "ES256":
                private = ec.generate_private_key(ec.SECP256R1())
            case _:
                private = ed25519.Ed25519PrivateKey.generate()
        return cls(kid, algorithm, private)

    @property
    def published(self) -> dict[str, Any]:
        """The public key, as the provider publishes it."""
        encoded: Any = get_default_algorithms()[self.algorithm].to_jwk(self.private.public_key())
        return {**json.loads(encoded), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, claims: Mapping[str, Any], *, kid: str | None = None) -> str:
        """Returns a token with these claims. kid: instead of the key's own id."""
        return jwt.encode(dict(claims), self.private, algorithm=self.algorithm, headers={"kid": kid or self.kid})


def claims(**changes: Any) -> dict[str, Any]:
    """Returns the claims of a valid token with these changes; a claim changed to None is left out."""
    good = {
        "iss": "https://id.example",
        "aud": "rollcall",
        "sub": "member-1",
        "org": "org-1",
        "exp": int(time.time()) + 600,
        "permissions": ["training.view"],
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed_with_a_secret(secret: bytes, *, kid: str) -> str:
    """Returns an HS256 token with a key's id, signed by hand: PyJWT refuses to sign with a public key as the secret."""
    message = ".".join(_encoded(part) for part in ({"alg": "HS256", "typ": "JWT", "kid": kid}, claims()))
    signature = hmac.digest(secret, message.encode(), "sha256")
    return f"{message}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def unsigned() -> str:
    """Returns a token with the algorithm `none`."""
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(claims())}."


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
