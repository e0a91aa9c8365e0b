"""OpenID Connect, as far as signing in needs it: an issuer's addresses, its code exchanged, its tokens verified.

Written with PyJWT and httpx2, which verify bearer tokens and send webhooks already. Authlib was weighed: what it adds
is a cache of attempts, which was not bound to the browser (twice a vulnerability), and ties to web frameworks; the
tokens would still be checked by another library.
"""

import base64
import hashlib
import secrets
import ssl
from dataclasses import dataclass
from functools import cache
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import jwt

from shared.access.caller import Unauthenticated
from shared.access.keys import PublishedKeys
from shared.errors import Problem, Unavailable

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""The accepted algorithms. Pinned here, never taken from a token: neither `none` nor a shared secret is among them."""
CLOCK_SKEW_SECONDS = 30
ATTEMPT_SECONDS = 600
"""Time to sign in at the issuer."""
TIMEOUT_SECONDS = 5.0
FRESH_SECONDS = 3600.0
"""Age after which an issuer's addresses are read again."""
LONGEST_ANSWER = 256 * 1024

AWAY = "Your identity provider does not answer at the moment. Please try again in a minute."

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class SignInRefused(Problem):
    """The issuer did not say who it is, or its token cannot be believed. The detail is for the person."""

    slug, status, title = "sign-in-refused", 403, "You could not be signed in"


class BadLogout(Problem):
    """A logout token that cannot be believed."""

    slug, status, title = "invalid-request", 400, "Not a logout token"


@dataclass(frozen=True)
class Client:
    """This service, as it is registered at an issuer. secret: None for a public client."""

    issuer: str
    client_id: str
    secret: str | None


@dataclass(frozen=True)
class Attempt:
    """The secrets of one attempt to sign in. Only the browser keeps them, encrypted."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def begin(cls) -> "Attempt":
        """Return a new attempt."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        """The hash of the verifier, for PKCE."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class _Addresses:
    """The addresses that an issuer publishes. by_post: it takes the client's secret in the form only."""

    authorization: str
    token: str
    end_session: str | None
    by_post: bool


class Provider:
    """One issuer: its addresses and keys, kept for an hour. It may be shared by threads."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._lock = Lock()
        self._addresses: _Addresses | None = None
        self._keys: PublishedKeys | None = None
        self._stale_at = 0.0

    def authorize(self, client: Client, attempt: Attempt, back: str, scope: str, *, again: bool) -> str:
        """Return the address at which the person signs in. back: the address to come back to.

        again: even if the issuer has a session with the person. Raises Unavailable.
        """
        addresses, _ = self._known()
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": back,
            "scope": scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        return f"{addresses.authorization}{'&' if '?' in addresses.authorization else '?'}{urlencode(asked)}"

    def exchange(self, client: Client, attempt: Attempt, code: str, back: str, now: float) -> dict[str, Any]:
        """Return the verified claims of the ID token for a code. Raises SignInRefused, Unavailable."""
        addresses, keys = self._known()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": attempt.verifier,
            "client_id": client.client_id,
        }
        login = None
        if client.secret is not None and addresses.by_post:
            form["client_secret"] = client.secret
        elif client.secret is not None:
            login = (_form_encoded(client.client_id), _form_encoded(client.secret))
        answer = _asked("POST", addresses.token, data=form, auth=login)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefused("Your identity provider did not confirm who you are. Please try again.")
        return _verified_id_token(token, keys, client, attempt.nonce, now)

    def end_session_address(self, client: Client, back: str) -> str | None:
        """Return the issuer's own page to sign out, if it has one, which leads to `back`. Raises Unavailable."""
        address = self._known()[0].end_session
        asked = urlencode({"client_id": client.client_id, "post_logout_redirect_uri": back})
        return None if address is None else f"{address}{'&' if '?' in address else '?'}{asked}"

    def logout(self, token: str, client: Client, now: float) -> dict[str, Any]:
        """Return the verified claims of a logout token. Raises BadLogout, Unavailable."""
        return _verified_logout(token, self._known()[1], client, now)

    def _known(self) -> tuple[_Addresses, PublishedKeys]:
        with self._lock:
            if self._addresses is None or self._keys is None or monotonic() >= self._stale_at:
                self._discover()
            assert self._addresses is not None
            assert self._keys is not None
            return self._addresses, self._keys

    def _discover(self) -> None:
        try:
            said = _asked("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            addresses, keys_at = _read_addresses(said, self._issuer)
        except (Unavailable, SignInRefused):
            if self._addresses is None:
                raise Unavailable(AWAY) from None
            self._stale_at = monotonic() + TIMEOUT_SECONDS  # the addresses that were known still serve
            return
        self._addresses = addresses
        self._keys = PublishedKeys(keys_at, lone=True)
        self._stale_at = monotonic() + FRESH_SECONDS


class Providers:
    """The issuers that this process has met. Only an operator binds one, so they are few."""

    def __init__(self) -> None:
        self._met: dict[str, Provider] = {}

    def of(self, issuer: str) -> Provider:
        """Return an issuer's provider."""
        return self._met.setdefault(issuer, Provider(issuer))

    def forget(self, issuer: str) -> None:
        """Read what an issuer describes anew when it is next asked."""
        self._met.pop(issuer, None)


def is_issuer(address: str) -> bool:
    """True for the address of an issuer: HTTPS, or HTTP on this machine, without query or fragment."""
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    right = bool(parts.hostname) and not parts.query and not parts.fragment and "@" not in parts.netloc
    return right and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _read_addresses(said: dict[str, Any], issuer: str) -> tuple[_Addresses, str]:
    """Return the addresses in an issuer's description, and that of its keys. Raises SignInRefused."""
    needed = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    if said.get("issuer") != issuer or not all(isinstance(one, str) and _is_address(one) for one in needed):
        raise SignInRefused("The description of your identity provider is not one of it.")
    authorization, token, keys_at = map(str, needed)
    end, ways = said.get("end_session_endpoint"), said.get("token_endpoint_auth_methods_supported")
    by_post = isinstance(ways, list) and "client_secret_basic" not in ways
    end_session = end if isinstance(end, str) and _is_address(end) else None
    return _Addresses(authorization, token, end_session, by_post), keys_at


def _is_address(address: str) -> bool:
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return parts.scheme == "https" or (parts.scheme == "http" and local)


@cache
def _certificates() -> ssl.SSLContext:
    """Return the authorities that this machine trusts. Reading them takes longer than a request, so it is done once."""
    return ssl.create_default_context()


def _asked(method: str, address: str, **sent: Any) -> dict[str, Any]:
    """Return the JSON object that an address answers. Follows no redirect. Raises Unavailable, SignInRefused."""
    try:
        with httpx2.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, verify=_certificates()) as http:
            answer = http.request(method, address, headers={"Accept": "application/json"}, **sent)
    except httpx2.HTTPError:
        raise Unavailable(AWAY) from None
    if answer.status_code >= 500:
        raise Unavailable(AWAY)
    try:
        said = answer.json() if answer.status_code == 200 and len(answer.content) <= LONGEST_ANSWER else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise SignInRefused("Your identity provider did not confirm who you are. Please try again.")
    return said


def _form_encoded(text: str) -> str:
    return urlencode({"": text})[1:]


# --- tokens


def _decoded(token: str, keys: PublishedKeys, client: Client, needed: list[str]) -> dict[str, Any]:
    """Return the claims of a token of the issuer for this client. Raises PyJWTError, Unauthenticated and others."""
    claims: dict[str, Any] = jwt.decode(
        token,
        keys.find(jwt.get_unverified_header(token).get("kid")),
        algorithms=list(ALGORITHMS),
        audience=client.client_id,
        issuer=client.issuer,
        leeway=CLOCK_SKEW_SECONDS,
        options={"require": ["iss", "aud", "exp", "iat", *needed]},
    )
    return claims


_UNREADABLE = (jwt.PyJWTError, Unauthenticated, ValueError, TypeError, RecursionError)


def _verified_id_token(token: str, keys: PublishedKeys, client: Client, nonce: str, now: float) -> dict[str, Any]:
    """Return the claims of an ID token. now: seconds since 1970. Raises SignInRefused."""
    try:
        claims = _decoded(token, keys, client, ["sub", "nonce"])
    except _UNREADABLE:
        raise SignInRefused("The answer of your identity provider cannot be believed.") from None
    may_be_missing = isinstance(claims["aud"], str) or len(claims["aud"]) == 1
    is_ours = claims.get("azp", client.client_id if may_be_missing else None) == client.client_id
    has_nonce = isinstance(claims["nonce"], str) and secrets.compare_digest(claims["nonce"].encode(), nonce.encode())
    is_new = now - int(claims["iat"]) <= ATTEMPT_SECONDS + CLOCK_SKEW_SECONDS
    has_subject = isinstance(claims["sub"], str) and 0 < len(claims["sub"]) <= 255
    if not (is_ours and has_nonce and is_new and has_subject):
        raise SignInRefused("The answer of your identity provider cannot be believed.")
    return claims


def _verified_logout(token: str, keys: PublishedKeys, client: Client, now: float) -> dict[str, Any]:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). Raises BadLogout."""
    try:
        claims = _decoded(token, keys, client, ["events", "jti"])
    except _UNREADABLE:
        raise BadLogout("The logout token cannot be believed.") from None
    events, names = claims["events"], [claims.get("sub"), claims.get("sid")]
    told = isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)
    named = any(names) and all(name is None or isinstance(name, str) for name in names)
    is_new = now - int(claims["iat"]) <= ATTEMPT_SECONDS + CLOCK_SKEW_SECONDS
    has_id = isinstance(claims["jti"], str) and 0 < len(claims["jti"]) <= 255
    if not (told and named and is_new and has_id) or "nonce" in claims:
        raise BadLogout("The logout token cannot be believed.")
    return claims
