"""The issuers at which an organization's members sign in: the tables, and binding an issuer, which is the operator's.

`mapping` says what the groups of an issuer may do, and changes it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from shared.access.caller import Permission
from shared.access.openid import is_issuer
from shared.database import Base, ExternalId, Tenant, Uuid7, current_org, is_external_id
from shared.errors import Conflict, Fault, InvalidInput, NotFound

SCOPE = "openid profile"
GROUPS_CLAIM = "groups"
NEVER_MAPPED = frozenset({Permission.SYNC_DIRECTORY})
"""Permissions that no group can give. A caller who writes the directory changes what `folders` claims cover."""
MOST_WRITERS = 50
LOGOUTS_KEPT = timedelta(hours=1)
"""A logout token is refused as old after some minutes, so its id need not be known for longer."""


class IssuerNameTaken(Conflict):
    """Another issuer of the organization has this name."""

    slug, title = "issuer-name-taken", "Name taken"


class SignInIssuer(Tenant, Base):
    """An issuer that is bound to an organization, and this service as its client.

    name: the short name that begins the ids of its members. client_secret: encrypted; null for a public client, or the
    secret of the settings. groups_claim, party_claim: the claims of the ID token that name the person's groups and the
    party. party_field: the field of a party that the claim equals. tells_when: True if its tokens say when the person
    proved who it is. directory_writers: ids of the members that may write the directory. version: of the mapping.
    """

    __tablename__ = "sign_in_issuer"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        UniqueConstraint("org_id", "issuer"),
        UniqueConstraint("org_id", "name"),
        CheckConstraint("party_field IN ('entityId', 'memberId')", name="party_field"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    issuer: Mapped[str]
    name: Mapped[ExternalId]
    client_id: Mapped[str]
    client_secret: Mapped[bytes | None]
    scope: Mapped[str]
    groups_claim: Mapped[str]
    party_claim: Mapped[str | None]
    party_field: Mapped[str]
    tells_when: Mapped[bool]
    directory_writers: Mapped[list[str]] = mapped_column(server_default="{}")
    version: Mapped[int]
    bound_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    unbound_at: Mapped[datetime | None]


class SignInGroup(Tenant, Base):
    """A group of an issuer, and what it gives. folders: the only ones whose parties its members see, if not null."""

    __tablename__ = "sign_in_group"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "issuer_id"], ["sign_in_issuer.org_id", "sign_in_issuer.id"]),
        CheckConstraint("NOT 'directory.sync' = ANY (permissions)", name="no_directory_sync"),
    )

    issuer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    group_name: Mapped[ExternalId] = mapped_column(primary_key=True)
    permissions: Mapped[list[str]]
    folders: Mapped[list[str] | None]


class LogoutToken(Tenant, Base):
    """The id of a logout token that was obeyed: the same token is refused a second time."""

    __tablename__ = "logout_token"
    __table_args__ = (ForeignKeyConstraint(["org_id", "issuer_id"], ["sign_in_issuer.org_id", "sign_in_issuer.id"]),)

    issuer_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    kept_until: Mapped[datetime]


@dataclass(frozen=True)
class Binding:
    """An issuer as the operator binds it. secret: encrypted. administrators: a group that may do everything."""

    issuer: str
    client_id: str
    secret: bytes | None = None
    name: str | None = None
    administrators: str | None = None
    scope: str = SCOPE
    tells_when: bool = True


def bind_issuer(db: Session, binding: Binding, now: datetime) -> SignInIssuer:
    """Bind an issuer, or change its binding; the mapping stays, sign-ins end. Raises InvalidInput, IssuerNameTaken."""
    name = binding.name or urlsplit(binding.issuer).hostname or ""
    if not is_issuer(binding.issuer):
        raise InvalidInput(Fault("/issuer", "An issuer is an https address without query; http only on this machine."))
    if not is_external_id(name) or ":" in name:
        raise InvalidInput(Fault("/name", "Must be 1 to 64 characters of A-Z a-z 0-9 . _ -"))
    org_id = current_org(db)
    mine = SignInIssuer.org_id == org_id
    if db.scalar(select(SignInIssuer.id).where(mine, SignInIssuer.name == name, SignInIssuer.issuer != binding.issuer)):
        raise IssuerNameTaken(f"Another issuer is named {name}; choose another name with --name.")
    client = {"client_id": binding.client_id, "client_secret": binding.secret, "scope": binding.scope, "name": name}
    begun = {"groups_claim": GROUPS_CLAIM, "party_field": "entityId", "version": 1, "bound_at": now}
    given = {**client, "tells_when": binding.tells_when, "changed_at": now}
    bound = db.scalars(
        upsert(SignInIssuer)
        .values(org_id=org_id, issuer=binding.issuer, **given, **begun)
        .on_conflict_do_update(
            index_elements=["org_id", "issuer"],
            set_={**given, "version": SignInIssuer.version + 1, "bound_at": now, "unbound_at": None},
        )
        .returning(SignInIssuer),
        execution_options={"populate_existing": True},
    ).one()
    if binding.administrators is not None:
        everything = sorted(frozenset(Permission) - NEVER_MAPPED)
        group = {"org_id": org_id, "issuer_id": bound.id, "group_name": binding.administrators}
        db.execute(
            upsert(SignInGroup)
            .values(**group, permissions=everything, folders=None)
            .on_conflict_do_update(
                index_elements=["org_id", "issuer_id", "group_name"], set_={"permissions": everything, "folders": None}
            )
        )
    return bound


def unbind_issuer(db: Session, name: str, now: datetime) -> SignInIssuer:
    """Take an issuer from the organization; its sign-ins end. Its mapping is kept. Raises NotFound."""
    found = next((one for one in list_issuers(db) if name in (one.name, one.issuer)), None)
    if found is None:
        raise NotFound("issuer")
    found.unbound_at, found.version = now, found.version + 1
    db.flush()
    return found


def let_write(db: Session, issuer: SignInIssuer, member_id: str, now: datetime, *, ended: bool) -> bool:
    """Let a member write the directory, or no longer. Returns False if nothing changes.

    No group gives this permission, because whoever writes the directory widens what `folders` show: the operator names
    each member. Raises InvalidInput for an id that no member of the issuer can have, NotFound for one not named.
    """
    if not is_external_id(member_id):
        raise InvalidInput(Fault("/member", "Must be the id of a member, as the audit log shows it."))
    named = set(issuer.directory_writers)
    if ended and member_id not in named:
        raise NotFound("member")
    if not ended and member_id in named:
        return False
    if len(named) - ended >= MOST_WRITERS:
        raise InvalidInput(Fault("/member", f"At most {MOST_WRITERS} members may write the directory."))
    issuer.directory_writers = sorted(named - {member_id} if ended else named | {member_id})
    issuer.version, issuer.changed_at = issuer.version + 1, now
    db.flush()
    return True


def list_issuers(db: Session) -> Sequence[SignInIssuer]:
    """Return the issuers that are bound to the organization, by name."""
    bound = SignInIssuer.org_id == current_org(db), SignInIssuer.unbound_at.is_(None)
    return db.scalars(select(SignInIssuer).where(*bound).order_by(SignInIssuer.name)).all()


def get_issuer(db: Session, issuer_id: uuid.UUID, *, locked: bool = False) -> SignInIssuer:
    """Return an issuer that is bound. locked: for a change. Raises NotFound."""
    found = db.get(SignInIssuer, (current_org(db), issuer_id), with_for_update=locked or None)
    if found is None or found.unbound_at is not None:
        raise NotFound("issuer")
    return found


def list_groups(db: Session, issuer_id: uuid.UUID) -> Sequence[SignInGroup]:
    """Return the groups of a mapping, by name."""
    mine = SignInGroup.org_id == current_org(db), SignInGroup.issuer_id == issuer_id
    return db.scalars(select(SignInGroup).where(*mine).order_by(SignInGroup.group_name)).all()


def note_logout(db: Session, issuer_id: uuid.UUID, jti: str, now: datetime) -> bool:
    """Note the id of a logout token. Returns False if it was noted before."""
    mine = LogoutToken.org_id == current_org(db), LogoutToken.issuer_id == issuer_id
    db.execute(delete(LogoutToken).where(*mine, LogoutToken.kept_until < now))
    noted = db.scalar(
        upsert(LogoutToken)
        .values(org_id=current_org(db), issuer_id=issuer_id, jti=jti, kept_until=now + LOGOUTS_KEPT)
        .on_conflict_do_nothing()
        .returning(text("1"))
    )
    return noted is not None
