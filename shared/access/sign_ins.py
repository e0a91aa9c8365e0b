"""Sign-ins: a person's time at the pages, from the identity provider's word until it ends. The table and its functions.

A bearer token of the API carries its claims with it. A sign-in is a row instead, so that it can be listed and ended at
once. The browser has only a random token, and the table only its hash: who reads the table cannot sign in.
"""

import hashlib
import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKeyConstraint, Index, Select, UniqueConstraint, delete, or_, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.access.caller import Caller, Permission
from shared.arrays import is_one_of
from shared.database import Base, ExternalId, Tenant, Uuid7, current_org, is_external_id
from shared.errors import NotFound

IDLE = timedelta(minutes=30)
"""A sign-in that was not used for so long is over: somebody may have left the machine."""
LONGEST = timedelta(hours=12)
"""A sign-in is over after so long, however much it is used."""
RECENT_SIGN_IN = timedelta(minutes=5)
"""The age up to which a sign-in counts as recent, for acts that need the person at the keyboard."""
NOTED_EVERY = timedelta(minutes=1)
"""The use of a sign-in is noted at most this often, so that pages seldom write. It may end that much too early."""
KEPT = timedelta(days=30)
"""A sign-in stays in its owner's list for so long after its end."""
CLEANED = 100
"""Upper bound of old sign-ins that a new one deletes."""


class EndReason(StrEnum):
    """The reasons why a sign-in ended before its time."""

    SIGNED_OUT = "signed-out"
    ENDED_BY_OWNER = "ended-by-owner"
    LOGGED_OUT = "logged-out"
    """The identity provider has said that the person logged out."""
    PARTY_ERASED = "party-erased"
    PARTY_RENUMBERED = "party-renumbered"
    MAPPING_CHANGED = "mapping-changed"
    """An administrator changed which permissions the groups of the issuer give, so the person must sign in again."""
    SIGNED_IN_AGAIN = "signed-in-again"
    """The same browser has begun another sign-in."""


class SignIn(Tenant, Base):
    """A person's time at the pages. issuer and subject: who has said who it is, and of whom.

    provider_session: the identity provider's id of its own session. mapping_version: of the issuer's mapping, which
    gave the permissions; a later version ends the sign-in. name, agent: for display only; blanked when the party is
    erased. authenticated_at: when the person proved who it is. last_used_at: correct to `NOTED_EVERY`.
    """

    __tablename__ = "sign_in"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        UniqueConstraint("org_id", "token_hash"),
        Index("ix_sign_in_member", "org_id", "member_id", "begun_at"),
        Index("ix_sign_in_party", "org_id", "party_id", postgresql_where=sql("party_id IS NOT NULL")),
        Index("ix_sign_in_expires_at", "org_id", "expires_at"),
        Index("ix_sign_in_subject", "org_id", "issuer", "subject"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes]
    issuer: Mapped[str]
    subject: Mapped[str | None]
    provider_session: Mapped[str | None]
    mapping_version: Mapped[int | None]
    member_id: Mapped[ExternalId]
    party_id: Mapped[ExternalId | None]
    permissions: Mapped[list[str]]
    folders: Mapped[list[str] | None]
    name: Mapped[str | None]
    agent: Mapped[str | None]
    authenticated_at: Mapped[datetime]
    begun_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]

    def is_valid(self, now: datetime) -> bool:
        """True if it has not ended, by its owner, by time or by idleness."""
        return self.ended_at is None and now < self.expires_at and now < self.last_used_at + IDLE

    @property
    def caller(self) -> Caller:
        """The caller of requests with this sign-in."""
        return Caller(
            org_id=self.org_id,
            member_id=self.member_id,
            permissions=frozenset(map(Permission, self.permissions)),
            party_id=self.party_id,
            folders=None if self.folders is None else frozenset(self.folders),
            expires_at=self.expires_at,
        )


@dataclass(frozen=True)
class Identity:
    """A person as an identity provider and its mapping describe it; the fields are those of `SignIn`."""

    issuer: str
    subject: str
    member_id: str
    permissions: frozenset[Permission]
    authenticated_at: datetime
    party_id: str | None = None
    folders: frozenset[str] | None = None
    name: str | None = None
    provider_session: str | None = None
    mapping_version: int | None = None


def begin_sign_in(db: Session, identity: Identity, agent: str | None, now: datetime) -> tuple[SignIn, str]:
    """Begin a sign-in. Returns it with the value of its cookie, which is stored nowhere. Deletes some old sign-ins.

    agent: the browser, in a few words.
    """
    org_id, token = current_org(db), secrets.token_urlsafe(32)
    old = select(SignIn.id).where(SignIn.org_id == org_id, SignIn.expires_at < now - KEPT)
    db.execute(delete(SignIn).where(SignIn.org_id == org_id, SignIn.id.in_(old.limit(CLEANED))))
    begun = SignIn(
        org_id=org_id,
        token_hash=_hash(token),
        issuer=identity.issuer,
        subject=identity.subject,
        provider_session=identity.provider_session,
        mapping_version=identity.mapping_version,
        member_id=identity.member_id,
        party_id=identity.party_id,
        permissions=sorted(identity.permissions),
        folders=None if identity.folders is None else sorted(identity.folders),
        name=identity.name,
        agent=agent,
        authenticated_at=identity.authenticated_at,
        begun_at=now,
        last_used_at=now,
        expires_at=now + LONGEST,
    )
    db.add(begun)
    db.flush()
    return begun, f"{token}.{org_id}"


def read_cookie(value: str) -> tuple[str, bytes] | None:
    """Return the organization and the hash of the token in a cookie, or None if it has another form.

    The organization must be known before its rows can be read. A wrong one finds nothing.
    """
    token, _, org_id = value.partition(".")
    return (org_id, _hash(token)) if is_external_id(org_id) else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def note_use(sign_in_id: uuid.UUID, now: datetime) -> tuple[str, Mapping[str, Any]]:
    """Return the statement that notes a use, for `Database.note`. It revives no sign-in that has ended meanwhile."""
    return (
        "UPDATE sign_in SET last_used_at = %(now)s WHERE org_id = current_setting('rollcall.org')"
        " AND id = %(id)s AND ended_at IS NULL AND last_used_at < %(now)s",
        {"id": sign_in_id, "now": now},
    )


def list_sign_ins(db: Session, member_id: str) -> Select[SignIn]:
    """Select the sign-ins of a member, the newest first."""
    mine = select(SignIn).where(SignIn.org_id == current_org(db), SignIn.member_id == member_id)
    return mine.order_by(SignIn.begun_at.desc(), SignIn.id.desc())


def names_of_members(db: Session, member_ids: Collection[str], *, alone: bool) -> Select[*tuple[Any, ...]]:
    """Select the id and the name of members who have signed in: of each the one that its last sign-in gave.

    alone: only of members who represented no party then.
    """
    named = select(SignIn.member_id, SignIn.name).where(
        SignIn.org_id == current_org(db), is_one_of(SignIn.member_id, member_ids), SignIn.name.is_not(None)
    )
    if alone:
        named = named.where(SignIn.party_id.is_(None))
    return named.distinct(SignIn.member_id).order_by(SignIn.member_id, SignIn.begun_at.desc())


def end_sign_in(db: Session, sign_in_id: uuid.UUID, member_id: str, reason: EndReason, now: datetime) -> None:
    """End a member's sign-in; one that has ended stays as it is. Raises NotFound."""
    mine = SignIn.org_id == current_org(db), SignIn.id == sign_in_id, SignIn.member_id == member_id
    if db.scalar(select(SignIn.id).where(*mine)) is None:
        raise NotFound("sign-in")
    _end(db, [*mine], reason, now)


def forget_person(db: Session, party_id: str, member_id: str | None, now: datetime) -> None:
    """End the sign-ins of a party, and of the member that it was known as, and blank everything personal in them."""
    theirs = SignIn.party_id == party_id
    which = [
        SignIn.org_id == current_org(db),
        theirs if member_id is None else or_(theirs, SignIn.member_id == member_id),
    ]
    _end(db, which, EndReason.PARTY_ERASED, now)
    db.execute(update(SignIn).where(*which).values(name=None, agent=None, subject=None, provider_session=None))


def end_of_party(db: Session, party_id: str, new_id: str, now: datetime) -> dict[str, list[str]]:
    """End the sign-ins of a party that gets another id, and give them that one. Returns which they are."""
    theirs = SignIn.org_id == current_org(db), SignIn.party_id == party_id
    _end(db, [*theirs], EndReason.PARTY_RENUMBERED, now)
    moved = update(SignIn).where(*theirs).values(party_id=new_id).returning(SignIn.id)
    return {"ids": sorted(map(str, db.scalars(moved)))}


def give_back_sign_ins(db: Session, party_id: str, former_id: str, moved: Mapping[str, list[str]]) -> None:
    """Give sign-ins that have ended their former party back. moved: as `end_of_party` returned them."""
    ids = [uuid.UUID(one) for one in moved["ids"]]
    these = SignIn.org_id == current_org(db), SignIn.id.in_(ids), SignIn.party_id == party_id
    db.execute(update(SignIn).where(*these).values(party_id=former_id))


def end_of_issuer(db: Session, issuer: str, reason: EndReason, now: datetime) -> None:
    """End every sign-in of an issuer."""
    _end(db, [SignIn.org_id == current_org(db), SignIn.issuer == issuer], reason, now)


def end_by_logout(db: Session, issuer: str, subject: str | None, provider_session: str | None, now: datetime) -> None:
    """End the sign-ins of a person, or of one session of the issuer, of which the person has logged out there."""
    which = [SignIn.org_id == current_org(db), SignIn.issuer == issuer]
    if subject is not None:
        which.append(SignIn.subject == subject)
    if provider_session is not None:
        which.append(SignIn.provider_session == provider_session)
    _end(db, which, EndReason.LOGGED_OUT, now)


def end_by_hash(db: Session, token_hash: bytes, reason: EndReason, now: datetime) -> None:
    """End the sign-in of a cookie, if there is one."""
    _end(db, [SignIn.org_id == current_org(db), SignIn.token_hash == token_hash], reason, now)


def _end(db: Session, which: list[ColumnElement[bool]], reason: EndReason, now: datetime) -> None:
    db.execute(update(SignIn).where(*which, SignIn.ended_at.is_(None)).values(ended_at=now, end_reason=str(reason)))
