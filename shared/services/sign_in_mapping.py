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
from shared.events import Actor, Fact
from shared.services.signing_in import CLIENT_SECRET, described
from shared.services.verbs import verb
from shared.settings import Settings

OPERATOR = Actor("system", "operator")


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
    return Tried(granted, party, member)
