"""Fingerprints of settings: two processes can find out that a setting differs without either storing its value."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.settings import Settings

_EVERYWHERE = frozenset({"api", "worker", "sender"})
_WORKING = frozenset({"worker", "sender"})
_API = frozenset({"api"})

COMPARED: Mapping[str, frozenset[str]] = {
    "features": _EVERYWHERE,
    "link_secret": _EVERYWHERE,
    "public_url": _EVERYWHERE,
    "webhooks_allow_private": _EVERYWHERE,
    "smtp_url": _WORKING,
    "mail_from": _WORKING,
    "mails_a_day": _WORKING,
    "member_url": _WORKING,
    "stream_length": _WORKING,
    "statement_timeout": _WORKING,
    "job_window": _WORKING,
    "job_claim_seconds": _WORKING,
    "job_rescue_seconds": _WORKING,
    "jwt_secret": _API,
    "jwks_url": _API,
    "jwt_algorithms": _API,
    "jwt_issuer": _API,
    "credential_key": _API,
    "scim_id": _API,
    "oidc_issuer": _API,
    "oidc_client_id": _API,
    "oidc_client_secret": _API,
    "sign_in_secret": _API,
}
"""The settings that must be the same in all processes of these programs, because they decide what is planned, recorded,
sent or accepted."""

OWN: Mapping[str, str] = {
    "database_url": "machines may reach one database by different addresses",
    "redis_url": "machines may reach one Redis by different addresses",
    "font_folder": "a folder of the machine",
    "log_format": "decides nothing but the log of the process",
    "log_level": "decides nothing but the log of the process",
    "api_pool_size": "a machine's own size",
    "api_connections": "a machine's own size",
    "requests_per_second": "a limit of each process for itself",
    "worker_concurrency": "a machine's own size",
}
"""The settings that each process may have for itself, each with the reason."""


def fingerprints(settings: Settings, program: str) -> dict[str, str]:
    """Returns a short fingerprint of each setting that must not differ. 32 bits of a hash: no value can be read back.

    The password in `smtp_url` is left out, because passwords that people choose can be guessed from a hash.
    """
    return {name: _fingerprint(name, settings) for name, programs in COMPARED.items() if program in programs}


def has_mail(fingerprint: str | None) -> bool:
    """True if this is the fingerprint of a process with a mail server."""
    return fingerprint not in (None, _hash("smtp_url", None))


def _fingerprint(name: str, settings: Settings) -> str:
    value = getattr(settings, name)
    if name == "link_secret":
        value = value or settings.jwt_secret  # it signs links if there is no secret for links
    elif name == "smtp_url" and value:
        parts = urlsplit(value)
        value = (parts.scheme, parts.username, parts.hostname, parts.port)
    elif isinstance(value, frozenset):
        value = sorted(value)
    return _hash(name, value)


def _hash(name: str, value: object) -> str:
    return hmac.digest(b"rollcall settings", f"{name}={value!r}".encode(), hashlib.sha256)[:4].hex()
