"""Texts that only this deployment can read: the secrets of an attempt to sign in, and the secret of a client.

The key is derived from a secret of the settings, for each purpose another one. Fernet was chosen because it is there
with PyJWT's cryptography; itsdangerous signs but does not encrypt, and joserfc would be another dependency.
"""

import base64
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import Problem
from shared.settings import Settings


class SignInNotConfigured(Problem):
    """The deployment has no secret to encrypt with."""

    slug, status, title = "sign-in-not-configured", 503, "Signing in is not set up"

    def __init__(self) -> None:
        super().__init__(
            "The operator sets ROLLCALL_SIGN_IN_SECRET, which encrypts what a browser keeps while a person signs in."
        )


class Sealer:
    """Encrypts and decrypts texts for one purpose. Raises SignInNotConfigured if the settings have no secret."""

    def __init__(self, settings: Settings, purpose: str) -> None:
        secret = settings.sign_in_secret or settings.link_secret or settings.jwt_secret
        if secret is None:
            raise SignInNotConfigured
        derived = HKDF(SHA256(), 32, salt=b"rollcall sign-in", info=purpose.encode()).derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(derived))

    def seal(self, text: str, now: datetime) -> str:
        """Return the text encrypted, in characters that a cookie may have."""
        return self._fernet.encrypt_at_time(text.encode(), int(now.timestamp())).decode()

    def open(self, sealed: str, now: datetime, lifetime: timedelta | None = None) -> str | None:
        """Return the text, or None if it was not sealed by `seal` for this purpose, or longer ago than its lifetime."""
        try:
            if lifetime is None:
                return self._fernet.decrypt(sealed.encode()).decode()
            seconds = int(lifetime.total_seconds())
            return self._fernet.decrypt_at_time(sealed.encode(), seconds, int(now.timestamp())).decode()
        except (InvalidToken, ValueError):
            return None
