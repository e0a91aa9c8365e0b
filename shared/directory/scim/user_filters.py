"""The attributes of users that filters compare."""

from typing import TYPE_CHECKING

from sqlalchemy import DateTime, Text, and_, cast, func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from shared.database import current_org
from shared.directory.models import Folder, FolderMember, Party, ScimUser
from shared.directory.scim.attributes import Condition, Many, One
from shared.directory.scim.names import has_names

if TYPE_CHECKING:
    from scim2_models.path import FilterNode


def user_condition(db: Session, node: "FilterNode", declared: frozenset[str]) -> Condition:
    """Returns a filter as a condition on users. declared: names of the attributes in lower case. Raises BadFilter."""
    from shared.directory.scim.filters import translated  # see `attributes`

    org_id = current_org(db)
    of_address = {"value": One(Party.email), "type": One(literal("work"))}
    changed_at = func.greatest(Party.updated_at, ScimUser.updated_at, type_=DateTime(timezone=True))
    attributes: dict[str, One | Many] = {
        "id": One(cast(Party.id, Text), exact=True, same=lambda value: Party.id == value),
        "externalid": One(ScimUser.external_id, exact=True, same=lambda value: _known_as(org_id, value)),
        "username": One(
            func.coalesce(ScimUser.user_name, cast(Party.id, Text)), same=lambda value: _named(org_id, value)
        ),
        "displayname": One(Party.display_name),
        "active": One(Party.active),
        "preferredlanguage": One(Party.language),
        "timezone": One(Party.time_zone),
        "emails": Many(of_address, lambda inner: and_(Party.email.is_not(None), inner)),
        "groups": _groups(org_id),
        "manager": One(ScimUser.manager, exact=True),
        "manager/value": One(ScimUser.manager, exact=True),
        "meta/created": One(Party.created_at),
        "meta/lastmodified": One(changed_at),
        "meta/resourcetype": One(literal("User"), exact=True),
    }
    return translated(node, attributes, declared)


def _named(org_id: str, value: str) -> Condition:
    """Returns the condition that a user has this name. Two indexes find it, and no other row is read."""
    names, party = aliased(ScimUser), aliased(Party)
    by_name = select(names.party_id).where(names.org_id == org_id, names.folded_name == func.caseless(value))
    by_id = select(party.id).where(
        party.org_id == org_id, party.folded_id == value.lower(), ~has_names(org_id, party.id)
    )
    return Party.id.in_(union_all(by_name, by_id).subquery().select())


def _known_as(org_id: str, value: str) -> Condition:
    names = aliased(ScimUser)
    return Party.id.in_(select(names.party_id).where(names.org_id == org_id, names.external_id == value))


def _groups(org_id: str) -> Many:
    member, folder = aliased(FolderMember), aliased(Folder)

    def in_one(inner: Condition) -> Condition:
        mine = select(member.folder_id).where(member.org_id == org_id, member.party_id == Party.id)
        shown = and_(folder.org_id == org_id, folder.id == member.folder_id, folder.hidden_at.is_(None))
        return mine.join(folder, shown).where(inner).exists()

    return Many({"value": One(cast(folder.id, Text), exact=True), "display": One(folder.name)}, in_one)
