"""Members of a group, written as sets: the number of statements is the same for one member and for thousands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import statements
from shared.directory.models import Folder, FolderMember, Party, ScimUser
from shared.errors import Fault, InvalidInput

_NOBODY = "One of the members is no user of this organization; create the user first."


@dataclass(frozen=True)
class Members:
    """The change of a group's members. replaced: those that are not added leave."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    replaced: bool = False

    def __bool__(self) -> bool:
        return self.replaced or bool(self.add or self.remove)

    def __len__(self) -> int:
        return len(self.add) + len(self.remove)

    def then(self, op: str, given: Collection[str] | None) -> "Members":
        """Returns the change followed by another one: `add`, `remove` or `replace`. given: None for all members."""
        named = frozenset(given or ())
        if op == "replace" or given is None:
            return Members(named, replaced=True)
        if op == "add":
            return Members(self.add | named, self.remove - named, self.replaced)
        return Members(self.add - named, self.remove if self.replaced else self.remove | named, self.replaced)


@dataclass(frozen=True)
class Moves:
    """Users who join and who leave a group. All of them are locked."""

    joining: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()


def lock_members(db: Session, folder_id: str, members: Members) -> Moves:
    """Lock the users whom the change moves, in the order of their ids. Raises InvalidInput for one that is no user."""
    if not members:
        return Moves()
    present = _present(db, folder_id, None if members.replaced else members.add | members.remove)
    joining = members.add - present
    leaving = present - members.add if members.replaced else members.remove & present
    locked = _lock_users(db, joining | leaving)
    if joining - locked:
        raise InvalidInput(Fault("/members", _NOBODY))
    return Moves(joining, leaving & locked)


def move_members(db: Session, folder_id: str, moves: Moves, now: datetime) -> set[str]:
    """Write the moves. Returns the parties that joined or left."""
    left, joined = set[str](), set[str]()
    if moves.leaving:
        left = statements.remove_members(db, moves.leaving, folder_id=folder_id)
    if moves.joining:
        joined = statements.insert_members(db, [(folder_id, party_id) for party_id in moves.joining])
    if left | joined:
        statements.touch_parties(db, left | joined, now)
    return left | joined


def members_of(org_id: str, folder_id: Any) -> tuple[ColumnElement[bool], ...]:
    """Returns the conditions on a membership of a user in a folder. A deleted user is none, though its party stays."""
    hidden = select(ScimUser.party_id).where(ScimUser.org_id == org_id, ScimUser.hidden_at.is_not(None))
    return (
        FolderMember.org_id == org_id,
        FolderMember.folder_id == folder_id,
        FolderMember.party_id.not_in(hidden),
    )


def digest_of_members(org_id: str) -> ScalarSelect[str | None]:
    """Returns a subquery of a digest of a folder's members, which changes whenever they do."""
    joined = func.string_agg(FolderMember.party_id, aggregate_order_by(literal(","), FolderMember.party_id))
    return select(func.md5(joined)).where(*members_of(org_id, Folder.id)).scalar_subquery()


def _present(db: Session, folder_id: str, among: Collection[str] | None) -> frozenset[str]:
    """Returns the users in a folder; of those given, if any are."""
    rows = select(FolderMember.party_id).where(*members_of(current_org(db), folder_id))
    return frozenset(db.scalars(rows if among is None else rows.where(is_one_of(FolderMember.party_id, among))))


def _lock_users(db: Session, user_ids: Collection[str]) -> frozenset[str]:
    if not user_ids:
        return frozenset()
    org_id = current_org(db)
    hidden = select(ScimUser.party_id).where(ScimUser.org_id == org_id, ScimUser.hidden_at.is_not(None))
    found = select(Party.id).where(
        Party.org_id == org_id, is_one_of(Party.id, user_ids), Party.erased_at.is_(None), Party.id.not_in(hidden)
    )
    return frozenset(db.scalars(found.order_by(Party.id).with_for_update(key_share=True)))
