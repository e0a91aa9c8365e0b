"""Every setting of a deployment, read once from `ROLLCALL_*` environment variables.

A process refuses to start with an unknown or invalid setting and names it in one sentence: a misspelt
`ROLLCALL_REDIS_ULR` that is silently ignored costs an evening, a refused start costs a minute. pydantic-settings is
not used: it ignores environment variables that it does not know, and finding those is most of `read`.
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
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"
ASSIGNMENT_ID = "{assignment_id}"
"""The placeholder in `member_url`."""

SMTP_SCHEMES = ("smtp", "smtp+starttls", "smtps")

_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)


class BadSettings(Exception):
    """A setting is invalid or missing. The message is one sentence that names the variable, never its value."""


class Settings(BaseModel):
    """The settings, each with the failure that it prevents. Times are in seconds unless the name says otherwise."""

    model_config = ConfigDict(frozen=True)

    database_url: str | None = None
    """The database, `postgresql://user:password@host:port/name`."""
    redis_url: str | None = None
    """The broker, `redis://host:port/n`. It holds nothing that cannot be lost."""
    features: frozenset[str] = frozenset({TRAINING})
    """The deployment profile, comma separated. Without `training` the routes and tables of training do not exist."""

    jwt_secret: str | None = Field(default=None, min_length=32)
    """Shared secret of HS256 tokens. One shorter than 32 bytes can be guessed offline."""
    jwks_url: HttpUrl | None = None
    """The URL of the identity provider's keys (JWKS). If set, tokens signed with a shared secret are refused."""
    jwt_algorithms: tuple[str, ...] = ()
    """Accepted algorithms, comma separated. Pinned here, never taken from the token's own header."""
    jwt_issuer: str | None = None
    """If set, the `iss` that a token must have."""
    link_secret: str | None = Field(default=None, min_length=32)
    """Signs session links. Unset, `jwt_secret` signs them, and replacing that then breaks every link sent out."""

    oidc_issuer: str | None = None
    """The issuer of OpenID Connect that `rollcall org sign-in ORG` binds to an organization unless it names another."""
    oidc_client_id: str | None = None
    """This service's client id at that issuer."""
    oidc_client_secret: str | None = None
    """The client's secret there; it is then in no table. Unset for a public client."""
    sign_in_secret: str | None = Field(default=None, min_length=32)
    """Encrypts what a browser keeps while a person signs in, and stored secrets of clients. Unset, `link_secret` or
    `jwt_secret` does, and replacing that then makes stored secrets of clients unreadable."""

    credential_key: str | None = None
    """A private key in PEM (P-256 or Ed25519) that signs Open Badges credentials; without it none are issued.
    Former keys may follow it: they stay published, so that credentials they signed can still be verified. Line ends may
    be written as \\n, because many environment files allow one line for each variable."""

    smtp_url: str | None = None
    """The mail server: `smtp://`, `smtp+starttls://` or `smtps://`, with `user:password@` if it wants a login.
    A process that has it switches mail on for the deployment when it starts. One without it plans mails, sends none."""
    mail_from: str = "Rollcall <rollcall@localhost>"
    """The sender of mails. Message-IDs end in its domain."""
    mails_a_day: int = Field(default=20, ge=1)
    """Upper bound of mails to one party in 24 hours: a coordinator's mistake must not flood a mailbox."""
    webhooks_allow_private: bool = False
    """Allow webhooks to private networks. Off by default: a member could make Rollcall call internal servers."""
    stream_length: int = Field(default=100_000, ge=1000)
    """Approximate number of events kept in the Redis Stream. A consumer that is further behind reads the feed."""

    scim_id: Literal["externalId", "userName", "uuid"] = "externalId"
    """The source of the id of a party that SCIM creates. `externalId`: that, else the `userName`; `userName`: that,
    else the `externalId`; `uuid`: a new UUID. With other ids than those of the organization's other sources, one person
    would be two parties."""

    public_url: str = DEFAULT_PUBLIC_URL
    """The public address of the service: links in mails and pages begin with it."""
    member_url: str | None = None
    """The page where a member signs in and opens a training; `{assignment_id}` in it is replaced.
    Without it mails to members have no link, rather than a broken one."""
    font_folder: str | None = None
    """A folder with further fonts (TrueType or OpenType) for PDF files. A letter that no font has is drawn as ◌:
    without a font that has them, nobody can read a Chinese name on a certificate."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    api_pool_size: int = Field(default=20, ge=2, le=200)
    """Database connections of one `api` process: a burst of requests queues in `api` and not in PostgreSQL.

    Half as many come on top for requests that only read, and four for licence checks.
    """
    api_connections: int = Field(default=5000, ge=20, le=100_000)
    """Connections of clients to one `api` process. Each needs an open file, so a process could otherwise run out."""
    requests_per_second: int | None = Field(default=None, ge=1, le=1_000_000)
    """Requests that one `api` process answers to one organization in a second. Unset: no limit."""
    statement_timeout: float = Field(default=20, gt=0)
    """Timeout of a worker's statement: one recipient that hangs must not hold its chunk for ever.
    A worker's idle transaction is ended after 1.5 times as long, so that another worker gets the rows it has locked."""
    worker_concurrency: int = Field(default=2, ge=1, le=64)
    """Processes of one worker."""
    job_window: int = Field(default=3, ge=1, le=256)
    """Chunks of one organization that run at a time, so that its 200,000 parties cannot starve another's 50.
    One more than there are worker processes keeps all of them busy; raise it with the number of workers."""
    job_claim_seconds: float = Field(default=2, gt=0)
    """The time that a worker has to lock the chunk it claimed; then others may claim it. A locked chunk stays its own,
    however long it takes. Much too short, and workers would claim each other's chunks."""
    job_rescue_seconds: float = Field(default=3, gt=0)
    """How often each worker process, and beat's rescue, look for due work: the delay after a lost message."""

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

    @field_validator("oidc_issuer", "oidc_client_id", "oidc_client_secret", "sign_in_secret", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @field_validator("font_folder")
    @classmethod
    def _check_font_folder(cls, value: str | None) -> str | None:
        if value and not os.path.isdir(value):
            raise ValueError("there is no such folder")
        return value or None

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
            raise ValueError(f"the only placeholder is {ASSIGNMENT_ID}")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        port = parts.port  # raises ValueError if it is not a port number
        if parts.scheme not in SMTP_SCHEMES or not parts.hostname or port == 0 or parts.path.strip("/"):
            raise ValueError(f"it must be like smtp://host:port; the schemes are {', '.join(SMTP_SCHEMES)}")
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
    def sender_address(self) -> str:
        """The bare address of `mail_from`."""
        return parseaddr(self.mail_from)[1]

    @property
    def algorithms(self) -> list[str]:
        """The algorithms that a token may be signed with; never both of shared secrets and of public keys."""
        return list(self.jwt_algorithms) or (["RS256", "ES256", "EdDSA"] if self.jwks_url else ["HS256"])

    def need_database_url(self) -> str:
        """Returns the database's address. Raises BadSettings if it is not set."""
        return _needed("DATABASE_URL", self.database_url)

    def need_redis_url(self) -> str:
        """Returns the broker's address. Raises BadSettings if it is not set."""
        return _needed("REDIS_URL", self.redis_url)


def private_keys(pem: str) -> "list[EllipticCurvePrivateKey | Ed25519PrivateKey]":
    """Returns the private keys in a PEM text, in order. Raises ValueError, whose message holds nothing of the text."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found: list[EllipticCurvePrivateKey | Ed25519PrivateKey] = []
    for block in _PEM.findall(pem):
        try:
            key = load_pem_private_key(block.encode(), password=None)
        except Exception:  # whatever the error is, its message may show a part of the key
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


def names(environment: Mapping[str, str]) -> list[str]:
    """Returns the names of the variables in an environment that are settings."""
    return [name for name in environment if name.startswith(PREFIX)]


def _needed(name: str, value: str | None) -> str:
    if value is None:
        raise BadSettings(f"{PREFIX}{name} is not set; set it, or run `rollcall up`, which brings its own.")
    return value


def read(environment: Mapping[str, str] | None = None) -> Settings:
    """Returns the settings from the environment, or from the mapping given. Raises BadSettings."""
    given = os.environ if environment is None else environment
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(names(given)):
        if name not in known:
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
    """Returns the settings of this process, read once."""
    return read()
