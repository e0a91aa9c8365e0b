"""The mapping of an organization's issuers: reading it, changing it, and trying what somebody's claims would give."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from shared import access, clock, events
from shared.access import (
    Binding,
    Caller,
    EndReason,
    Granted,
    MappingChange,
    Permission,
    Sealer,
    SignInGroup,
    SignInIssuer,
)
from shared.directory import Party
from shared.errors import Fault, InvalidInput, NotFound, Problem
from shared.events import Actor, Fact
from shared.services.signing_in import CLIENT_SECRET, described
from shared.services.verbs import verb
from shared.settings import Settings

OPERATOR = Actor("system", "operator")


class NoIssuerBound(NotFound):
    """The organization has no issuer at all, so nobody signs in to it."""

    def __init__(self) -> None:
        Problem.__init__(self, "No issuer is bound to this organization. Bind one first, with `rollcall org sign-in`.")


class ShownMapping(NamedTuple):
    """An issuer and the groups of its mapping."""

    issuer: SignInIssuer
    groups: Sequence[SignInGroup]


class Tried(NamedTuple):
    """The rights that claims would give. party: whom the member would represent. member_id: None without a subject."""

    granted: Granted
    party: Party | None
    member_id: str | None


def bind_issuer(db: Session, settings: Settings, binding: Binding, secret: str | None) -> SignInIssuer:
    """Bind an issuer to the organization, for the operator. Its sign-ins end. secret: the client's, kept encrypted.

    Raises OrganizationUnknown, InvalidInput, IssuerNameTaken, SignInNotConfigured.
    """
    now = clock.now()
    access.get_organization(db)
    sealed = None if secret is None else Sealer(settings, CLIENT_SECRET).seal(secret, now).encode()
    bound = access.bind_issuer(db, replace(binding, secret=sealed), now)
    access.end_of_issuer(db, bound.issuer, EndReason.MAPPING_CHANGED, now)
    events.record(db, OPERATOR, now, _fact("sign_in_issuer.bound", bound))
    return bound


def unbind_issuer(db: Session, name: str) -> None:
    """Take an issuer, by its name or address, from the organization, for the operator. Raises NotFound."""
    now = clock.now()
    ended = access.unbind_issuer(db, name, now)
    access.end_of_issuer(db, ended.issuer, EndReason.MAPPING_CHANGED, now)
    events.record(db, OPERATOR, now, _fact("sign_in_issuer.unbound", ended))


def let_write_directory(db: Session, settings: Settings, name: str | None, member_id: str, *, ended: bool) -> bool:
    """Let a member of an issuer write the directory, or no longer, for the operator. The issuer's sign-ins end.

    name: the issuer's name or address; None if the organization has one only. Returns False if nothing changes.
    Raises OrganizationUnknown, NoIssuerBound, NotFound, InvalidInput.
    """
    now = clock.now()
    access.get_organization(db)
    issuer = _issuer_of(db, settings, name, member_id)
    if not access.let_write(db, issuer, member_id, now, ended=ended):
        return False
    access.end_of_issuer(db, issuer.issuer, EndReason.MAPPING_CHANGED, now)
    fact = _fact("sign_in_issuer.writer_removed" if ended else "sign_in_issuer.writer_named", issuer)
    events.record(db, OPERATOR, now, replace(fact, data={**fact.data, "memberId": member_id}))
    return True


def list_directory_writers(db: Session) -> list[str]:
    """Return the ids of the members that may write the directory, for the operator. Raises OrganizationUnknown."""
    access.get_organization(db)
    return sorted(member for issuer in access.list_issuers(db) for member in issuer.directory_writers)


def _issuer_of(db: Session, settings: Settings, name: str | None, member_id: str) -> SignInIssuer:
    """Return the issuer, locked, whose member this is. Raises NoIssuerBound, NotFound, InvalidInput."""
    bound = access.list_issuers(db)
    if not bound:
        raise NoIssuerBound
    found = [one for one in bound if name is None or name in (one.name, one.issuer)]
    if not found:
        raise NotFound("issuer")
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise InvalidInput(Fault("/issuer", f"Say at which issuer the member signs in: {names}."))
    (issuer,) = found
    starts = access.starts_of_members(issuer, settings.jwt_issuer)
    if not member_id.startswith(starts):
        raise InvalidInput(Fault("/member", f"The ids of members that sign in there begin with {starts[0]}"))
    return access.get_issuer(db, issuer.id, locked=True)


def _fact(type: str, issuer: SignInIssuer) -> Fact:
    return Fact(type, f"sign_in_issuer/{issuer.id}", {"issuer": issuer.issuer, "name": issuer.name})


@verb(Permission.ADMIN, whole=True)
def list_mappings(db: Session, _: Caller) -> list[ShownMapping]:
    """Return the issuers of the organization, each with its mapping."""
    return [ShownMapping(one, access.list_groups(db, one.id)) for one in access.list_issuers(db)]


@verb(Permission.ADMIN, whole=True)
def get_mapping(db: Session, _: Caller, issuer_id: uuid.UUID) -> ShownMapping:
    """Return one issuer with its mapping. Raises NotFound."""
    return ShownMapping(access.get_issuer(db, issuer_id), access.list_groups(db, issuer_id))


@verb(Permission.ADMIN, whole=True)
def change_mapping(db: Session, caller: Caller, issuer_id: uuid.UUID, change: MappingChange, now: datetime) -> None:
    """Replace a mapping. Every sign-in of the issuer ends at once, the caller's own among them.

    Raises NotFound, Stale, InvalidInput, and CannotGive for a permission that the caller lacks.
    """
    issuer = access.get_issuer(db, issuer_id, locked=True)
    if access.change_mapping(db, issuer, change, caller, now):
        access.end_of_issuer(db, issuer.issuer, EndReason.MAPPING_CHANGED, now)
        events.record(db, caller.actor, now, _fact("sign_in_issuer.mapping_changed", issuer))


@verb(Permission.ADMIN, whole=True)
def try_claims(db: Session, _: Caller, issuer_id: uuid.UUID, claims: Mapping[str, Any], trusted: str | None) -> Tried:
    """Return what a person with these claims would be and could do. It signs nobody in. Raises NotFound.

    trusted: the issuer of bearer tokens.
    """
    issuer = access.get_issuer(db, issuer_id)
    granted, party = described(db, issuer, access.list_groups(db, issuer_id), claims)
    subject = claims.get("sub")
    member = access.member_of(issuer, subject, trusted) if isinstance(subject, str) and subject else None
    if member is not None:
        granted = granted._replace(permissions=access.permissions_of(issuer, granted, member))
    return Tried(granted, party, member)
