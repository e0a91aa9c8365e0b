"""Every setting of a deployment, read once from `ROLLCALL_*` environment variables.

A setting that is unknown or bad stops the start with one sentence that names it: a misspelt
`ROLLCALL_REDIS_ULR` that is silently ignored costs an evening, a refused start costs a minute.
"""

import difflib
import os
import re
from collections.abc import Mapping
from email.utils import parseaddr
from functools import cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "ROLLCALL_"
TRAINING = "training"
ASSIGNMENT_ID = "{assignment_id}"
"""What is replaced in `member_url`."""

SMTP_SCHEMES = ("smtp", "smtp+starttls", "smtps")

_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)


class BadSettings(Exception):
    """A setting cannot be used. Its text is one sentence naming the variable; it never holds a value."""


class Settings(BaseModel):
    """The settings, each with the failure it prevents. Times are in seconds unless the name says otherwise."""

    model_config = ConfigDict(frozen=True)

    database_url: str | None = None
    """Where the service's rows live, `postgresql://user:password@host:port/name`."""
    redis_url: str | None = None
    """The broker, `redis://host:port/n`. It holds nothing that cannot be lost."""
    features: frozenset[str] = frozenset({TRAINING})
    """The deployment profile, comma separated. Without `training` its routes and tables do not exist."""

    jwt_secret: str | None = Field(default=None, min_length=32)
    """Shared secret of HS256 tokens. Shorter than 32 bytes can be guessed offline."""
    jwks_url: HttpUrl | None = None
    """Where the identity provider publishes its keys; then no shared secret is accepted."""
    jwt_algorithms: tuple[str, ...] = ()
    """Accepted algorithms, comma separated. Pinned here, never taken from the token's own header."""
    jwt_issuer: str | None = None
    """If set, the `iss` a token must carry."""
    link_secret: str | None = Field(default=None, min_length=32)
    """What session links are signed with; else the shared secret, whose replacement then kills every link sent out."""

    credential_key: str | None = None
    """A private key in PEM (P-256 or Ed25519) that signs Open Badges credentials; without one none are given out.
    More may follow it: former keys, which stay published so that what they signed can still be verified. Line ends may
    be written as \\n, because many files of settings hold one line for each."""

    smtp_url: str | None = None
    """Where mail is handed in: `smtp://`, `smtp+starttls://` or `smtps://`, `user:password@` where it asks for a login.
    Without it nobody is written to, and no mail is planned."""
    mail_from: str = "Rollcall <rollcall@localhost>"
    """The sender of mails. Its domain makes the Message-IDs too."""
    mails_a_day: int = Field(default=20, ge=1)
    """Mails to one party in 24 hours: a mistake of somebody else's must not flood a mailbox."""
    webhooks_allow_private: bool = False
    """Whether webhooks may point into private networks. Otherwise a member could have us call our own insides."""
    stream_length: int = Field(default=100_000, ge=1000)
    """Events kept in the Redis Stream, about: a consumer that is further behind reads from the feed."""

    public_url: str = "http://127.0.0.1:8000"
    """How people outside reach the service: links in mails and pages begin with it."""
    member_url: str | None = None
    """Where a member opens a training: a page of the product that signs them in. `{assignment_id}` in it is replaced.
    Without it mails to members have no link, rather than one that leads nowhere."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    api_pool_size: int = Field(default=20, ge=2, le=200)
    """Database connections of one API process: a burst queues here and not in PostgreSQL."""
    statement_timeout: float = Field(default=20, gt=0)
    """Seconds a worker's statement may take: one recipient that hangs must not hold its neighbours for ever.
    Idle in a transaction it may be for half as long again, then another worker gets what it holds."""
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    """Processes of one worker."""
    job_window: int = Field(default=3, ge=1, le=256)
    """Chunks of one organization in flight at a time, so that its 200,000 parties cannot starve another's 50.
    One more than there are worker processes keeps them all busy; raise it with the number of workers."""
    job_claim_seconds: float = Field(default=10, gt=0)
    """How long a claimed chunk is left alone before a rescue may take it for abandoned."""
    job_rescue_seconds: float = Field(default=3, gt=0)
    """How often work that is due and that nobody holds is looked for: the delay after a lost message."""

    @field_validator("features", mode="before")
    @classmethod
    def _split_features(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        names = frozenset(part.strip() for part in value.split(",") if part.strip())
        if names - {TRAINING}:
            raise ValueError("the only feature is training; leave it empty for a deployment without")
        return names

    @field_validator("jwt_algorithms", mode="before")
    @classmethod
    def _split_algorithms(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("credential_key")
    @classmethod
    def _check_credential_key(cls, value: str | None) -> str | None:
        if not value:
            return None
        pem = value.replace("\\n", "\n")
        private_keys(pem)
        return pem

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        TypeAdapter(HttpUrl).validate_python(value)
        return value.rstrip("/")

    @field_validator("member_url")
    @classmethod
    def _check_member_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        TypeAdapter(HttpUrl).validate_python(value.replace(ASSIGNMENT_ID, "0"))
        if "{" in value.replace(ASSIGNMENT_ID, ""):
            raise ValueError(f"only {ASSIGNMENT_ID} can stand in braces")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        port = parts.port  # raises for one that is none
        if parts.scheme not in SMTP_SCHEMES or not parts.hostname or port == 0 or parts.path.strip("/"):
            raise ValueError(f"it must be like smtp://host:port; {', '.join(SMTP_SCHEMES)} are known")
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_mail_from(cls, value: str) -> str:
        local, _, domain = parseaddr(value)[1].rpartition("@")
        if not local or not domain or not value.isprintable():
            raise ValueError("it must be an address, such as Rollcall <rollcall@example.org>")
        return value

    @model_validator(mode="after")
    def _check_algorithms(self) -> "Settings":
        allowed = {"RS256", "ES256", "EdDSA"} if self.jwks_url else {"HS256"}
        if set(self.jwt_algorithms) - allowed:
            raise ValueError(f"JWT_ALGORITHMS: with these keys only {', '.join(sorted(allowed))} can be accepted")
        return self

    @property
    def algorithms(self) -> list[str]:
        """The algorithms a token may be signed with; never a mixture of secrets and public keys."""
        return list(self.jwt_algorithms) or (["RS256", "ES256", "EdDSA"] if self.jwks_url else ["HS256"])

    def need_database_url(self) -> str:
        """The database's address. Raises BadSettings where it was not given."""
        return _needed("DATABASE_URL", self.database_url)

    def need_redis_url(self) -> str:
        """The broker's address. Raises BadSettings where it was not given."""
        return _needed("REDIS_URL", self.redis_url)


def private_keys(pem: str) -> "list[EllipticCurvePrivateKey | Ed25519PrivateKey]":
    """The private keys of a text in PEM, one after the other. Raises ValueError, which says nothing of the text."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found: list[EllipticCurvePrivateKey | Ed25519PrivateKey] = []
    for block in _PEM.findall(pem):
        try:
            key = load_pem_private_key(block.encode(), password=None)
        except Exception:  # whatever it was, its text may show a part of the key
            raise ValueError("it must be a private key in PEM, without a password") from None
        if isinstance(key, Ed25519PrivateKey) or (
            isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
        ):
            found.append(key)
        else:
            raise ValueError("it must be a P-256 or Ed25519 key")
    if not found:
        raise ValueError("it must be a private key in PEM")
    return found


def _needed(name: str, value: str | None) -> str:
    if value is None:
        raise BadSettings(f"{PREFIX}{name} is not set; set it, or run `rollcall up`, which brings its own.")
    return value


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (or the mapping given). Raises BadSettings."""
    given = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " docs/operations.md lists the settings."
            raise BadSettings(f"{name} is not a setting of Rollcall.{hint}")
    values = {name[len(PREFIX) :].lower(): value for name, value in given.items() if name in known}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = f"{PREFIX}{str(first['loc'][0]).upper()}" if first["loc"] else "The settings"
        raise BadSettings(f"{where} cannot be used: {first['msg'].removeprefix('Value error, ')}.") from None


@cache
def current() -> Settings:
    """The settings of this process, read once."""
    return read()
