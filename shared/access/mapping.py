"""The mapping of an issuer: what its groups may do here, and which party a member represents.

An organization's administrators change it, and can give no permission that they lack. Each change makes a new version,
and sign-ins of the former versions end.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from shared.access.caller import Caller, Permission
from shared.access.issuers import NEVER_MAPPED, SignInGroup, SignInIssuer, list_groups
from shared.database import current_org, is_external_id
from shared.errors import Fault, InvalidInput, Problem, Stale
from shared.wire import Received

NEVER_A_PARTY = frozenset({"email", "name", "given_name", "family_name", "middle_name", "nickname"})
"""Claims that name a person and can change hands. The party is never found by one of them."""
LONGEST_NAME = 200
_LONGEST_START = 20
"""Characters of an issuer's name in the id of a member whose subject is too long for an id."""

ClaimName = Annotated[str, Field(min_length=1, max_length=200)]


class CannotGive(Problem):
    """The editor of a mapping gives a permission that it lacks."""

    slug, status, title = "cannot-give", 403, "You cannot give this"

    def __init__(self, n: int, permission: str) -> None:
        detail = f"You cannot give {permission}, because you do not have it yourself."
        super().__init__(detail, errors=(Fault(f"/groups/{n}/permissions", detail),))


class GroupGrant(Received):
    """A group of an issuer, and what it gives. folders: null if it says nothing about folders."""

    group: Annotated[str, Field(min_length=1, max_length=200)]
    permissions: list[Permission]
    folders: list[str] | None = None


class MappingChange(Received):
    """A whole mapping. version: the one that was read; another one means that somebody changed it meanwhile."""

    version: int
    groups_claim: ClaimName
    party_claim: ClaimName | None = None
    party_field: Literal["entityId", "memberId"] = "entityId"
    groups: Annotated[list[GroupGrant], Field(max_length=500)]


class Granted(NamedTuple):
    """The rights that a mapping gives for claims. party: the value that names the party, None without one."""

    permissions: frozenset[Permission]
    folders: frozenset[str] | None
    party: str | None
    groups: list[str]


def change_mapping(db: Session, issuer: SignInIssuer, change: MappingChange, caller: Caller, now: datetime) -> bool:
    """Replace the mapping of a locked issuer. Returns False if it is the same already.

    Raises Stale, InvalidInput, and CannotGive for a permission that the caller lacks and the group has not.
    """
    if change.version != issuer.version:
        raise Stale
    _check(change)
    former = {one.group_name: one for one in list_groups(db, issuer.id)}
    claims = {name: getattr(change, name) for name in ("groups_claim", "party_claim", "party_field")}
    same_claims = all(getattr(issuer, name) == value for name, value in claims.items())
    given = {one.group: (sorted(set(one.permissions)), _folders(one)) for one in change.groups}
    if same_claims and given == {name: (one.permissions, one.folders) for name, one in former.items()}:
        return False
    for name, (permissions, _) in given.items():
        known = former[name].permissions if same_claims and name in former else []
        lacking = sorted(frozenset(map(str, permissions)).difference(known, caller.permissions))
        if lacking:
            n = list(given).index(name)
            raise CannotGive(n, lacking[0])
    org_id = current_org(db)
    db.execute(delete(SignInGroup).where(SignInGroup.org_id == org_id, SignInGroup.issuer_id == issuer.id))
    rows = [
        {"org_id": org_id, "issuer_id": issuer.id, "group_name": name, "permissions": permissions, "folders": folders}
        for name, (permissions, folders) in given.items()
    ]
    if rows:
        db.execute(insert(SignInGroup), rows)
    for name, value in claims.items():
        setattr(issuer, name, value)
    issuer.version, issuer.changed_at = issuer.version + 1, now
    db.flush()
    return True


def _check(change: MappingChange) -> None:
    """Raise InvalidInput for what no mapping may have."""
    faults = []
    names = [one.group for one in change.groups]
    for n, one in enumerate(change.groups):
        if names.index(one.group) != n:
            faults.append(Fault(f"/groups/{n}/group", "This group is there twice."))
        if NEVER_MAPPED.intersection(one.permissions):
            faults.append(Fault(f"/groups/{n}/permissions", "No group of an issuer may write the directory."))
        if not all(map(is_external_id, one.folders or ())):
            faults.append(Fault(f"/groups/{n}/folders", "A folder's id has 1 to 64 characters of A-Z a-z 0-9 . _ : -"))
    if change.party_claim in NEVER_A_PARTY:
        faults.append(Fault("/partyClaim", "Names and addresses change hands; name a claim that holds an id."))
    if faults:
        raise InvalidInput(*faults)


def _folders(grant: GroupGrant) -> list[str] | None:
    return None if grant.folders is None else sorted(set(grant.folders))


# --- what claims give


def grant_by_claims(issuer: SignInIssuer, groups: Sequence[SignInGroup], claims: Mapping[str, Any]) -> Granted:
    """Return what a person with these claims may do: the permissions of all its groups together.

    A person with a group that names folders sees only the folders that its groups name.
    """
    named = _texts(_claim(claims, issuer.groups_claim))
    held = [one for one in groups if one.group_name in named]
    permissions = frozenset(Permission(each) for one in held for each in one.permissions) - NEVER_MAPPED
    limits = [one.folders for one in held if one.folders is not None]
    folders = frozenset(folder for limit in limits for folder in limit) if limits else None
    party = _claim(claims, issuer.party_claim) if issuer.party_claim else None
    is_id = isinstance(party, str) and is_external_id(party)
    return Granted(permissions, folders, party if is_id else None, sorted(one.group_name for one in held))


def permissions_of(issuer: SignInIssuer, granted: Granted, member_id: str) -> frozenset[Permission]:
    """Return what a member may do: what its groups give, and writing the directory if the operator has named it.

    A member that sees only some folders cannot write the directory, because that would widen what it sees.
    """
    is_named = member_id in issuer.directory_writers and granted.folders is None and granted.permissions
    return granted.permissions | NEVER_MAPPED if is_named else granted.permissions


def member_of(issuer: SignInIssuer, subject: str, trusted: str | None) -> str:
    """Return the id of the member that an issuer calls `subject`. Issuer and subject together are the member.

    trusted: the issuer of bearer tokens, in which the subject alone is the member's id: a person is the same member in
    both, who cannot approve here what it has submitted there.
    """
    whole = subject if issuer.issuer == trusted else f"{issuer.name}:{subject}"
    if is_external_id(whole):
        return whole
    digest = hashlib.sha256(f"{issuer.issuer}\0{subject}".encode(errors="surrogatepass")).hexdigest()[:40]
    return f"{issuer.name[:_LONGEST_START]}:{digest}"


def starts_of_members(issuer: SignInIssuer, trusted: str | None) -> tuple[str, ...]:
    """Return the texts with one of which `member_of` begins every id of the issuer's members."""
    if issuer.issuer == trusted:
        return ("",)
    return f"{issuer.name}:", f"{issuer.name[:_LONGEST_START]}:"


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Return the name of a person for display, or None."""
    name = claims.get("name")
    if not isinstance(name, str):
        return None
    shown = "".join(letter for letter in unicodedata.normalize("NFC", name) if letter.isprintable()).strip()
    return shown[:LONGEST_NAME] or None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name. A name with dots may also lead inside, as in `realm_access.roles`."""
    if name in claims or "." not in name:
        return claims.get(name)
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _texts(claim: Any) -> set[str]:
    if isinstance(claim, str):
        return {claim}
    return {one for one in claim if isinstance(one, str)} if isinstance(claim, list) else set()
