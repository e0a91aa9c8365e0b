"""Signing in at an issuer: the ways of an organization, an attempt from beginning to end, and logging out there.

Nobody is calling yet, so these functions take no caller: the issuer's signature is what lets a person in. They ask the
issuer over the network, and hold no transaction meanwhile.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from shared import access, directory, events
from shared.access import (
    ATTEMPT_SECONDS,
    CLOCK_SKEW_SECONDS,
    RECENT_SIGN_IN,
    Attempt,
    BadLogout,
    Client,
    EndReason,
    Granted,
    Identity,
    Providers,
    Sealer,
    SignIn,
    SignInGroup,
    SignInIssuer,
    SignInRefused,
)
from shared.database import Database, is_external_id
from shared.directory import Party
from shared.errors import NotFound
from shared.events import Actor, Fact
from shared.settings import Settings

ATTEMPT = "attempt"
CLIENT_SECRET = "client secret"  # noqa: S105
BACK = "/sign-in/callback"


@dataclass(frozen=True)
class Desk:
    """The parts of the process that signing in needs."""

    database: Database
    providers: Providers
    settings: Settings

    @property
    def back(self) -> str:
        """The address to which an issuer sends a person back. It is registered there."""
        return f"{self.settings.public_url}{BACK}"


class Ways(NamedTuple):
    """The issuers at which members of an organization sign in. org_id: None if it is not known which organization."""

    org_id: str | None
    issuers: list[SignInIssuer]


class Pending(BaseModel):
    """An attempt, as the browser keeps it encrypted. again: the person is to prove who it is, whoever it was before."""

    org: str
    issuer: uuid.UUID
    state: str
    nonce: str
    verifier: str
    following: str
    again: bool
    begun: int

    @property
    def attempt(self) -> Attempt:
        """The secrets of the attempt."""
        return Attempt(self.state, self.nonce, self.verifier)


class Begun(NamedTuple):
    """address: where the person signs in. state: names the attempt. kept: what the browser keeps."""

    address: str
    state: str
    kept: str


class Finished(NamedTuple):
    """A new sign-in with its cookie. following: the page to go to."""

    sign_in: SignIn
    cookie: str
    following: str


def list_ways(desk: Desk, org_id: str | None) -> Ways:
    """Return the ways to sign in. Without an organization, those of the only one that this deployment has."""
    if org_id is None:
        with desk.database.transaction(None) as db:
            known = access.list_organization_ids(db)
        org_id = known[0] if len(known) == 1 else None
    if org_id is None or not is_external_id(org_id):
        return Ways(None, [])
    with desk.database.transaction(org_id) as db:
        return Ways(org_id, list(access.list_issuers(db)))


def begin_attempt(
    desk: Desk, org_id: str, issuer_id: uuid.UUID, following: str, now: datetime, *, again: bool
) -> Begun:
    """Begin an attempt. Raises NotFound, SignInNotConfigured, Unavailable."""
    sealer = Sealer(desk.settings, ATTEMPT)
    issuer, client, _ = _known(desk, org_id, issuer_id, now)
    attempt = Attempt.begin()
    address = desk.providers.of(issuer.issuer).authorize(client, attempt, desk.back, issuer.scope, again=again)
    pending = Pending(
        org=org_id,
        issuer=issuer_id,
        state=attempt.state,
        nonce=attempt.nonce,
        verifier=attempt.verifier,
        following=following,
        again=again,
        begun=int(now.timestamp()),
    )
    return Begun(address, attempt.state, sealer.seal(pending.model_dump_json(), now))


def finish_attempt(
    desk: Desk, kept: str | None, state: str, answer: Mapping[str, str], agent: str | None, now: datetime
) -> Finished:
    """End an attempt with the issuer's answer, and begin a sign-in. kept: what the browser has kept of the attempt.

    Raises SignInRefused, SignInNotConfigured, Unavailable.
    """
    pending = _opened(desk, kept, now)
    if pending is None or pending.state != state:
        raise SignInRefused("This attempt is not of this browser, or older than 10 minutes. Please try again.")
    try:
        issuer, client, groups = _known(desk, pending.org, pending.issuer, now)
    except NotFound:
        raise SignInRefused("Your organization does not sign in there any more.") from None
    if answer.get("iss", issuer.issuer) != issuer.issuer:  # RFC 9207
        raise SignInRefused("The answer came from another identity provider.")
    code = answer.get("code")
    if not code:
        raise SignInRefused("Your identity provider has not signed you in. Please try again.")
    provider = desk.providers.of(issuer.issuer)
    claims = provider.exchange(client, pending.attempt, code, desk.back, now.timestamp())
    authenticated_at = _authenticated_at(issuer, claims, pending, now)
    with desk.database.transaction(pending.org) as db:
        granted, party = described(db, issuer, groups, claims)
        identity = _identity(issuer, claims, granted, party, desk.settings, authenticated_at)
        sign_in, cookie = begin_sign_in(db, identity, agent, now)
    return Finished(sign_in, cookie, pending.following)


def begin_sign_in(db: Session, identity: Identity, agent: str | None, now: datetime) -> tuple[SignIn, str]:
    """Begin a sign-in, with its event. Returns it with the value of its cookie."""
    sign_in, cookie = access.begin_sign_in(db, identity, agent, now)
    data = {"issuer": identity.issuer, "permissions": sorted(identity.permissions)}
    events.record(db, Actor("member", identity.member_id), now, Fact("sign_in.begun", f"sign_in/{sign_in.id}", data))
    return sign_in, cookie


def end_by_cookie(desk: Desk, cookie: str, now: datetime) -> None:
    """End the sign-in that a browser had before it began another one."""
    if read := access.read_cookie(cookie):
        with desk.database.transaction(read[0]) as db:
            access.end_by_hash(db, read[1], EndReason.SIGNED_IN_AGAIN, now)


def end_by_logout(desk: Desk, org_id: str, token: str, now: datetime) -> None:
    """End the sign-ins that a logout token of an issuer names, once for each token. Raises BadLogout, Unavailable."""
    try:
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise BadLogout("This is no token.") from None
    issuers = list_ways(desk, org_id).issuers
    issuer = next((one for one in issuers if one.issuer == named), None)
    if issuer is None:
        raise BadLogout("No such issuer signs in members of this organization.")
    client = Client(issuer.issuer, issuer.client_id, None)
    claims = desk.providers.of(issuer.issuer).logout(token, client, now.timestamp())
    with desk.database.transaction(org_id) as db:
        if not access.note_logout(db, issuer.id, claims["jti"], now):
            raise BadLogout("This logout token was used before.")
        access.end_by_logout(db, issuer.issuer, claims.get("sub"), claims.get("sid"), now)


def end_session_address(desk: Desk, org_id: str, issuer_id: uuid.UUID, now: datetime) -> str | None:
    """Return the address at which a person signs out of the issuer itself. Raises NotFound, Unavailable."""
    issuer, client, _ = _known(desk, org_id, issuer_id, now)
    return desk.providers.of(issuer.issuer).end_session_address(client, f"{desk.settings.public_url}/sign-in?out=1")


def _known(
    desk: Desk, org_id: str, issuer_id: uuid.UUID, now: datetime
) -> tuple[SignInIssuer, Client, list[SignInGroup]]:
    """Return a bound issuer, this service as its client, and the groups of its mapping. Raises NotFound."""
    with desk.database.transaction(org_id) as db:
        issuer = access.get_issuer(db, issuer_id)
        groups = list(access.list_groups(db, issuer_id))
    settings = desk.settings
    secret = None
    if issuer.client_secret is not None:
        secret = Sealer(settings, CLIENT_SECRET).open(issuer.client_secret.decode(), now)
        if secret is None:
            raise access.SignInNotConfigured
    elif (issuer.issuer, issuer.client_id) == (settings.oidc_issuer, settings.oidc_client_id):
        secret = settings.oidc_client_secret
    return issuer, Client(issuer.issuer, issuer.client_id, secret), groups


def _opened(desk: Desk, kept: str | None, now: datetime) -> Pending | None:
    if kept is None:
        return None
    text = Sealer(desk.settings, ATTEMPT).open(kept, now, timedelta(seconds=ATTEMPT_SECONDS))
    try:
        return None if text is None else Pending.model_validate_json(text)
    except ValidationError:
        return None


def described(
    db: Session, issuer: SignInIssuer, groups: Sequence[SignInGroup], claims: Mapping[str, Any]
) -> tuple[Granted, Party | None]:
    """Return what claims give by a mapping, and the party that they name."""
    granted = access.grant_by_claims(issuer, groups, claims)
    if granted.party is None:
        return granted, None
    return granted, directory.find_party(db, issuer.party_field, granted.party)


def _identity(
    issuer: SignInIssuer,
    claims: dict[str, Any],
    granted: Granted,
    party: Party | None,
    settings: Settings,
    authenticated_at: datetime,
) -> Identity:
    """Return the person whom verified claims describe. Raises SignInRefused for one who may do nothing here."""
    if party is not None and not party.active:
        raise SignInRefused("The person whom your account represents is inactive in this organization.")
    if not granted.permissions and party is None:
        raise SignInRefused("Your account has no group that may do anything here. Ask your administrator for one.")
    session = claims.get("sid")
    member_id = access.member_of(issuer, claims["sub"], settings.jwt_issuer)
    return Identity(
        issuer=issuer.issuer,
        subject=claims["sub"],
        member_id=member_id,
        permissions=access.permissions_of(issuer, granted, member_id),
        authenticated_at=authenticated_at,
        party_id=None if party is None else party.id,
        folders=granted.folders,
        name=access.name_of(claims),
        provider_session=session if isinstance(session, str) and len(session) <= 255 else None,
        mapping_version=issuer.version,
    )


def _authenticated_at(issuer: SignInIssuer, claims: dict[str, Any], pending: Pending, now: datetime) -> datetime:
    """Return when the person proved who it is. Without the issuer's word for it, the sign-in does not count as recent.

    Raises SignInRefused if it was asked to prove it again and has not.
    """
    told: Any = claims.get("auth_time")
    is_time = isinstance(told, int | float) and not isinstance(told, bool)
    if is_time and 0 <= told <= now.timestamp() + CLOCK_SKEW_SECONDS:
        if pending.again and told < pending.begun - CLOCK_SKEW_SECONDS:
            raise SignInRefused("Your identity provider has not asked you to sign in again. Please try again.")
        return min(datetime.fromtimestamp(told, UTC), now)
    if pending.again:
        if issuer.tells_when:
            raise SignInRefused("Your identity provider does not say when you signed in, so this cannot go on.")
        return now
    return now - RECENT_SIGN_IN - timedelta(seconds=1)
