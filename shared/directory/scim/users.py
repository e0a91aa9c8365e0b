"""Users of SCIM: parties with the names that a client gave them.

A party is written by `put_parties`, as by every other door, so that a client's changes have the same events. Its names
are written while the party is locked, before the events.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from shared.database import current_org, is_external_id
from shared.directory import statements
from shared.directory.models import Folder, FolderMember, Party, ScimUser
from shared.directory.schemas import PartyRow
from shared.directory.scim.attributes import Condition
from shared.directory.scim.names import ERASED, deleted_under, named_among, need_free, rename, write_names
from shared.directory.scim.schemas import Taken, UserRequest
from shared.directory.synchronising import put_parties
from shared.errors import NotFound
from shared.events import Actor
from shared.wire import may_be_new_id

OF_PARTY = frozenset(("display_name", "email", "active", "time_zone", "language"))
"""The fields of a user that are the party's."""


@dataclass(frozen=True)
class ScimUserRow:
    """A user. names: None if no client has given the party names. folders: pairs of id and name."""

    party: Party
    names: ScimUser | None
    folders: Sequence[tuple[str, str]]

    @property
    def user_name(self) -> str:
        """The name under which the client knows the user, else the party's id."""
        return (self.names.user_name if self.names else None) or self.party.id

    @property
    def changed_at(self) -> datetime:
        """When the party or its names last changed."""
        return max(self.party.updated_at, self.names.updated_at) if self.names else self.party.updated_at

    @property
    def version(self) -> str:
        """A digest of everything that a client sees of the user."""
        party, names = self.party, self.names
        seen = [self.user_name, *(getattr(party, name) for name in sorted(OF_PARTY)), *map(list, self.folders)]
        seen += [names.external_id, names.manager] if names else [None, None]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]


def get_user(db: Session, user_id: str, *, lock: bool = False) -> ScimUserRow:
    """Returns one user. lock: until the end of the transaction. Raises NotFound, also for one that was deleted."""
    if is_external_id(user_id):
        if lock:
            statements.lock_parties(db, [user_id])
        row = db.execute(_users(db).where(Party.id == user_id)).one_or_none()
        if row is not None:
            return ScimUserRow(*row)
    raise NotFound("user")


def find_users(db: Session, where: Condition, start: int, count: int) -> tuple[int, list[ScimUserRow]]:
    """Returns how many users meet a condition, and some of them by id: `count` after the first `start`."""
    found = _users(db).where(where)
    total = db.scalar(found.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)) or 0
    if not count or start >= total:
        return total, []
    rows = db.execute(found.order_by(Party.id).offset(start).limit(count))
    return total, [ScimUserRow(*row) for row in rows]


def create_user(db: Session, request: UserRequest, wanted: Sequence[str], actor: Actor, now: datetime) -> str:
    """Create a user, or bring back the one that was deleted under these names. Returns its id.

    wanted: ids for a new party, of which the first is taken that has the form of an id and is no other user's; without
    one it is a UUID. A party with this id that no client has named yet becomes the user. Raises Taken.
    """
    returning = deleted_under(db, request)
    others = named_among(db, wanted) if returning is None else ()
    free = (each for each in wanted if may_be_new_id(each) and each not in others)
    user_id = returning or next(free, None) or str(uuid.uuid4())
    request = request.model_copy(update={"active": request.active})  # so that who comes back is active
    if returning is None:
        need_free(db, request.user_name, user_id)
    name = partial(write_names, db, user_id, request, now, returning is not None)
    _write_party(db, user_id, request, actor, now, name)
    return user_id


def change_user(db: Session, user: ScimUserRow, request: UserRequest, actor: Actor, now: datetime) -> None:
    """Change a user, who is locked. Raises Taken."""
    given = (request.user_name, request.external_id, request.manager)
    present = (user.user_name, *((user.names.external_id, user.names.manager) if user.names else (None, None)))
    if request.user_name != user.user_name:
        need_free(db, request.user_name, user.party.id)
    along = partial(rename, db, user.party.id, request, now, hidden=False) if given != present else _nothing
    _write_party(db, user.party.id, request, actor, now, along)


def hide_user(db: Session, user: ScimUserRow, actor: Actor, now: datetime) -> None:
    """Make a user, who is locked, inactive as if it had left. From then on it does not exist for clients."""
    names = user.names
    kept = UserRequest(
        user_name=user.user_name,
        external_id=names.external_id if names else None,
        manager=names.manager if names else None,
        active=False,
    )
    _write_party(db, user.party.id, kept, actor, now, partial(rename, db, user.party.id, kept, now, hidden=True))


def _users(db: Session) -> Select[Any, Any, Any]:
    """Returns a select of users as rows of (Party, ScimUser, folders), without the erased and the deleted."""
    org_id = current_org(db)
    pair = func.json_build_array(Folder.id, Folder.name)
    folders = (
        select(func.coalesce(func.json_agg(aggregate_order_by(pair, Folder.id)), func.json_build_array()))
        .join(FolderMember, and_(FolderMember.org_id == Folder.org_id, FolderMember.folder_id == Folder.id))
        .where(Folder.org_id == org_id, FolderMember.party_id == Party.id, Folder.hidden_at.is_(None))
        .scalar_subquery()
    )
    theirs = and_(ScimUser.org_id == Party.org_id, ScimUser.party_id == Party.id)
    return (
        select(Party, ScimUser, folders)
        .outerjoin(ScimUser, theirs)
        .where(Party.org_id == org_id, Party.erased_at.is_(None), ScimUser.hidden_at.is_(None))
        .execution_options(populate_existing=True)
    )


def _write_party(
    db: Session, party_id: str, request: UserRequest, actor: Actor, now: datetime, along: Callable[[], None]
) -> None:
    fields = request.model_dump(include=set(OF_PARTY & request.model_fields_set))
    synced = put_parties(db, [PartyRow(entity_id=party_id, **fields)], actor, now, along)
    if synced.erased:
        raise Taken(ERASED)


def _nothing() -> None:
    """Write nothing along with a party."""
