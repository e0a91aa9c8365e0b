"""SCIM: a directory service writes users, which are parties, and groups, which are folders.

A client of SCIM calls one verb, which opens the directory for the request's transaction. A deactivated user leaves as a
party whose row says `active: false` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scim2_models.path import FilterNode
from sqlalchemy import true
from sqlalchemy.orm import Session

from shared import access, directory
from shared.access import Caller, Permission
from shared.directory import GroupRequest, Members, ScimGroup, ScimUserRow, UserRequest
from shared.errors import Stale
from shared.events import Actor
from shared.services.verbs import verb

IdFrom = Literal["externalId", "userName", "uuid"]


@dataclass(frozen=True)
class Opened:
    """The directory in one transaction, as SCIM sees it. id_from: the names of which ids are made."""

    db: Session
    actor: Actor
    now: datetime
    id_from: IdFrom

    def get_user(self, user_id: str, *, lock: bool) -> ScimUserRow:
        """Returns one user. Raises NotFound."""
        return directory.get_user(self.db, user_id, lock=lock)

    def find_users(
        self, node: FilterNode | None, declared: frozenset[str], start: int, count: int
    ) -> tuple[int, Sequence[ScimUserRow]]:
        """Returns how many users a filter finds, and some of them. Raises BadFilter."""
        where = true() if node is None else directory.user_condition(self.db, node, declared)
        return directory.find_users(self.db, where, start, count)

    def create_user(self, request: UserRequest) -> ScimUserRow:
        """Create a user or bring it back. Raises Taken."""
        wanted = {
            "externalId": [request.external_id, request.user_name],
            "userName": [request.user_name, request.external_id],
            "uuid": [],
        }[self.id_from]
        ids = [one for one in wanted if one is not None]
        user_id = directory.create_user(self.db, request, ids, self.actor, self.now)
        return self.get_user(user_id, lock=False)

    def change_user(self, user_id: str, request: UserRequest, expected: str | None) -> ScimUserRow:
        """Change a user. expected: the version that it must have. Raises NotFound, Stale, Taken."""
        user = self._locked(user_id, expected)
        directory.change_user(self.db, user, request, self.actor, self.now)
        return self.get_user(user_id, lock=False)

    def remove_user(self, user_id: str, expected: str | None) -> None:
        """Make a user inactive, and hide it. Raises NotFound, Stale."""
        directory.hide_user(self.db, self._locked(user_id, expected), self.actor, self.now)

    def get_group(self, group_id: str, *, members: bool) -> ScimGroup:
        """Returns one group. members: True to read its members. Raises NotFound."""
        return directory.get_group(self.db, group_id, members=members)

    def find_groups(
        self, node: FilterNode | None, declared: frozenset[str], start: int, count: int, *, members: bool
    ) -> tuple[int, Sequence[ScimGroup]]:
        """Returns how many groups a filter finds, and some of them. Raises BadFilter."""
        where = true() if node is None else directory.group_condition(self.db, node, declared)
        return directory.find_groups(self.db, where, start, count, members=members)

    def create_group(self, request: GroupRequest, members: Members) -> str:
        """Create a group or bring it back. Returns its id. Raises Taken, InvalidInput."""
        return directory.create_group(self.db, request, members, self.actor, self.now)

    def change_group(self, group_id: str, request: GroupRequest, members: Members, expected: str | None) -> None:
        """Change a group and its members. Raises NotFound, Stale, Taken, InvalidInput."""
        group = self.get_group(group_id, members=False)
        directory.change_group(self.db, group, request, members, self.actor, self.now, expected=expected)

    def remove_group(self, group_id: str, expected: str | None) -> None:
        """Empty a group, and hide it. Raises NotFound, Stale."""
        if expected not in (None, self.get_group(group_id, members=False).version):
            raise Stale
        directory.hide_group(self.db, group_id, self.actor, self.now)

    def _locked(self, user_id: str, expected: str | None) -> ScimUserRow:
        user = self.get_user(user_id, lock=True)
        if expected not in (None, user.version):
            raise Stale
        return user


@verb(Permission.SYNC_DIRECTORY, whole=True)
def open_directory(db: Session, caller: Caller, id_from: IdFrom, now: datetime) -> Opened:
    """Returns the directory for one operation of a SCIM client. Raises OrganizationUnknown."""
    access.get_organization(db)
    return Opened(db, caller.actor, now, id_from)
