"""Bearer tokens, verified with a shared secret or with the identity provider's published keys.

The accepted algorithms come from the settings, never from the token. So neither `none` nor an HS256 token signed with a
public key is accepted, and a published key verifies no algorithm but its own.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import jwt

from shared.access.caller import Caller, Permission, Unauthenticated
from shared.access.keys import PublishedKeys
from shared.database import is_external_id
from shared.settings import BadSettings, Settings

AUDIENCE = "rollcall"
ISSUER = "rollcall"
CLOCK_SKEW_SECONDS = 30

KEPT_SECONDS = 60
"""Upper bound of the time for which a verified token is not verified again."""
MOST_KEPT = 10_000

_LATEST = datetime(9000, 1, 1, tzinfo=UTC)


class _Kept(NamedTuple):
    """The caller of a verified token. since, until: seconds since 1970. version: of the published keys."""

    caller: Caller
    version: int
    since: float
    until: float


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


class TokenVerifier:
    """Verifies tokens for one process; keeps the published keys, and callers whose tokens it has just verified."""

    def __init__(self, settings: Settings) -> None:
        self._algorithms = settings.algorithms
        self._issuer = settings.jwt_issuer
        self.fetches = settings.jwks_url is not None
        """True if verifying may fetch keys and therefore wait."""
        self._published: PublishedKeys | None = None
        self._kept: dict[bytes, _Kept] = {}
        if settings.jwks_url:
            keys = self._published = PublishedKeys(str(settings.jwks_url))
            self._key: Callable[[str], Any] = lambda token: keys.find(jwt.get_unverified_header(token).get("kid"))
        elif settings.jwt_secret:
            secret = settings.jwt_secret
            self._key = lambda _: secret
        else:
            raise BadSettings("Neither ROLLCALL_JWT_SECRET nor ROLLCALL_JWKS_URL is set; one of them must be.")

    def known(self, token: str) -> Caller | None:
        """Returns the caller of a token that was verified a moment ago, and None for any other token. Never waits.

        A token is kept by the hash of all of it, at most until it expires or the keys are to be fetched again, and not
        beyond a change of the keys. So an expired token and a withdrawn key are refused as soon as without this.
        """
        kept = self._kept.get(_hash(token))
        if kept is None or kept.version != self._version or not kept.since <= time.time() < kept.until:
            return None
        return kept.caller

    @property
    def _version(self) -> int:
        return 0 if self._published is None else self._published.version

    def verify(self, token: str) -> Caller:
        """Returns the caller that a token names. Raises Unauthenticated, or Unavailable if keys cannot be fetched."""
        version, caller = self._version, self._verified(token)
        fresh = KEPT_SECONDS if self._published is None else min(KEPT_SECONDS, self._published.fresh_seconds)
        now, expires = time.time(), caller.expires_at
        until = now + fresh if expires is None else min(now + fresh, expires.timestamp())
        while len(self._kept) >= MOST_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[_hash(token)] = _Kept(caller, version, now, until)
        return caller

    def _verified(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=self._algorithms,
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": ["exp", "aud", "sub", "org"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired; get a new one.") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("The token is not valid for this service.") from None
        return _caller(claims)


def issue(
    settings: Settings,
    *,
    org_id: str,
    member_id: str,
    permissions: Iterable[Permission] = (),
    party_id: str | None = None,
    folders: Iterable[str] | None = None,
    ttl_seconds: int = 3600,
) -> str:
    """Returns a token signed with the shared secret, for tests and scripts. Raises BadSettings without a secret."""
    if not settings.jwt_secret:
        raise BadSettings(
            "ROLLCALL_JWT_SECRET is not set, so this command cannot sign; your identity provider issues tokens."
        )
    claims: dict[str, Any] = {
        "iss": settings.jwt_issuer or ISSUER,
        "aud": AUDIENCE,
        "sub": member_id,
        "org": org_id,
        "exp": int(time.time()) + ttl_seconds,
        "permissions": [str(permission) for permission in permissions],
    }
    if party_id is not None:
        claims["party"] = party_id
    if folders is not None:
        claims["folders"] = list(folders)
    return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")


def _caller(claims: dict[str, Any]) -> Caller:
    """Returns the caller. The claims are verified, but not yet their types and forms. Raises Unauthenticated."""
    org_id, member_id, party_id = claims["org"], claims["sub"], claims.get("party")
    permissions, folders = claims.get("permissions", []), claims.get("folders", [])
    ids = [org_id, member_id, *([] if party_id is None else [party_id])]
    lists = [permissions, folders]
    if not all(isinstance(value, str) and is_external_id(value) for value in ids):
        raise Unauthenticated("The token's org, sub or party is not an id of 1 to 64 characters A-Z a-z 0-9 . _ : -")
    if not all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in lists):
        raise Unauthenticated("The token's permissions and folders must be arrays of strings.")
    if not all(is_external_id(folder) for folder in folders):
        raise Unauthenticated("The token's folders must be ids of 1 to 64 characters A-Z a-z 0-9 . _ : -")
    return Caller(
        org_id=org_id,
        member_id=member_id,
        permissions=frozenset(permissions),
        party_id=party_id,
        folders=frozenset(folders) if "folders" in claims else None,
        expires_at=datetime.fromtimestamp(min(int(claims["exp"]), _LATEST.timestamp()), UTC),
    )
