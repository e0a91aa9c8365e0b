"""Groups of SCIM: folders, with the id that a client gave them."""

import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Text, and_, cast, func, literal, null, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from shared.database import current_org, is_external_id
from shared.directory import statements
from shared.directory.models import Folder, FolderMember, ScimUser
from shared.directory.recording import record_each
from shared.directory.scim.attributes import Condition, Many, One
from shared.directory.scim.members import (
    Members,
    Moves,
    digest_of_members,
    lock_members,
    members_of,
    move_members,
)
from shared.directory.scim.schemas import GroupRequest, Taken

if TYPE_CHECKING:
    from scim2_models.path import FilterNode
from shared.errors import NotFound, Stale
from shared.events import Actor
from shared.wire import may_be_new_id

MAX_GROUP_MEMBERS = 10_000
"""Upper bound of members that one request names."""

_TAKEN = "Another group has this externalId already."


@dataclass(frozen=True)
class ScimGroup:
    """A group. digest: of its members. members: their ids, None if they were not read."""

    folder: Folder
    digest: str | None
    members: Sequence[str] | None

    @property
    def version(self) -> str:
        """A digest of everything that a client sees of the group."""
        seen = [self.folder.name, self.folder.external_id, self.digest]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]


def get_group(db: Session, group_id: str, *, members: bool) -> ScimGroup:
    """Returns one group. members: True to read them too. Raises NotFound, also for one that was deleted."""
    if is_external_id(group_id):
        row = db.execute(_groups(db, members=members).where(Folder.id == group_id)).one_or_none()
        if row is not None:
            return ScimGroup(*row)
    raise NotFound("group")


def find_groups(db: Session, where: Condition, start: int, count: int, *, members: bool) -> tuple[int, list[ScimGroup]]:
    """Returns how many groups meet a condition, and some of them by id: `count` after the first `start`."""
    shown = select(func.count()).where(Folder.org_id == current_org(db), Folder.hidden_at.is_(None))
    total = db.scalar(shown.where(where)) or 0
    if not count or start >= total:
        return total, []
    rows = db.execute(_groups(db, members=members).where(where).order_by(Folder.id).offset(start).limit(count))
    return total, [ScimGroup(*row) for row in rows]


def create_group(db: Session, request: GroupRequest, members: Members, actor: Actor, now: datetime) -> str:
    """Create a group, or bring back the one that was deleted under this externalId, else name. Returns its id.

    Its id is the externalId if that has the form of an id, else a UUID. A folder with this id becomes the group.
    Raises Taken, InvalidInput.
    """
    found = _known(db, request)
    if found is not None and found.hidden_at is None and found.external_id is not None:
        raise Taken(_TAKEN)
    own = request.external_id if request.external_id is not None and may_be_new_id(request.external_id) else None
    group_id = found.id if found is not None else own or str(uuid.uuid4())
    moves = lock_members(db, group_id, members)
    created = statements.insert_folders(db, {group_id: request.name}, now)
    if not created and (found is None or found.hidden_at is not None):  # another request was faster
        raise Taken(_TAKEN)
    renamed = [group_id] if not created and found is not None and found.name != request.name else []
    _write(db, group_id, request, moves, actor, now, created, renamed)
    return group_id


def change_group(
    db: Session,
    group: ScimGroup,
    request: GroupRequest,
    members: Members,
    actor: Actor,
    now: datetime,
    *,
    expected: str | None = None,
) -> None:
    """Change a group. expected: the version that it must still have. Raises Taken, InvalidInput, Stale, NotFound."""
    folder_id = group.folder.id
    moves = lock_members(db, folder_id, members)
    if expected is not None:
        mine = select(Folder.id).where(Folder.org_id == current_org(db), Folder.id == folder_id)
        db.execute(mine.with_for_update(key_share=True))
        if get_group(db, folder_id, members=False).version != expected:
            raise Stale
    renamed = [folder_id] if request.name != group.folder.name else []
    _write(db, folder_id, request, moves, actor, now, (), renamed)


def hide_group(db: Session, group_id: str, actor: Actor, now: datetime) -> None:
    """Empty a group. From then on it does not exist for clients, and no list of folders shows it."""
    present = statements.members_of(db, group_id)
    statements.lock_parties(db, present)
    hidden = (
        update(Folder)
        .where(Folder.org_id == current_org(db), Folder.id == group_id, Folder.hidden_at.is_(None))
        .values(hidden_at=now, updated_at=now)
        .returning(Folder.id)
    )
    changed = db.scalars(hidden).all()
    left = statements.remove_members(db, present, folder_id=group_id)
    statements.touch_parties(db, left, now)
    record_each(db, "folder.changed", changed, actor, now, {"changed": ["hidden"]})
    record_each(db, "party.changed", left, actor, now, {"changed": ["folders"]})


def group_condition(db: Session, node: "FilterNode", declared: frozenset[str]) -> Condition:
    """Returns a filter as a condition on groups. declared: names of the attributes in lower case. Raises BadFilter."""
    from shared.directory.scim.filters import translated  # see `attributes`

    member, hidden = aliased(FolderMember), aliased(ScimUser)
    org_id = current_org(db)

    def has(inner: Condition) -> Condition:
        gone = select(hidden.party_id).where(hidden.org_id == org_id, hidden.hidden_at.is_not(None))
        theirs = select(member.party_id).where(member.org_id == org_id, member.folder_id == Folder.id)
        return theirs.where(member.party_id.not_in(gone), inner).exists()

    of_member = {"value": One(cast(member.party_id, Text), exact=True), "type": One(literal("User"))}
    attributes: dict[str, One | Many] = {
        "id": One(cast(Folder.id, Text), exact=True, same=lambda value: Folder.id == value),
        "externalid": One(Folder.external_id, exact=True, same=lambda value: Folder.external_id == value),
        "displayname": One(Folder.name),
        "members": Many(of_member, has),
        "meta/created": One(Folder.created_at),
        "meta/lastmodified": One(Folder.updated_at),
        "meta/resourcetype": One(literal("Group"), exact=True),
    }
    return translated(node, attributes, declared)


def _groups(db: Session, *, members: bool) -> Select[Any, Any, Any]:
    """Returns a select of groups as rows of (Folder, digest of the members, members)."""
    org_id = current_org(db)
    theirs = select(FolderMember.party_id).where(*members_of(org_id, Folder.id)).order_by(FolderMember.party_id)
    listed = func.array(theirs.scalar_subquery(), type_=ARRAY(Text)) if members else null()
    rows = select(Folder, digest_of_members(org_id), listed)
    return rows.where(Folder.org_id == current_org(db), Folder.hidden_at.is_(None)).execution_options(
        populate_existing=True
    )


def _known(db: Session, request: GroupRequest) -> Folder | None:
    """Returns the folder that a new group is, if there is one already."""
    if request.external_id is None:
        which: Any = and_(Folder.hidden_at.is_not(None), Folder.external_id.is_(None), Folder.name == request.name)
    else:
        unnamed = and_(Folder.id == request.external_id, Folder.external_id.is_(None))
        which = or_(Folder.external_id == request.external_id, unnamed)
    rows = select(Folder).where(Folder.org_id == current_org(db), which)
    return db.scalars(rows.order_by(Folder.external_id.is_(None), Folder.id).limit(1)).one_or_none()


def _write(
    db: Session,
    group_id: str,
    request: GroupRequest,
    moves: Moves,
    actor: Actor,
    now: datetime,
    created: Collection[str],
    renamed: Collection[str],
) -> None:
    """Write a group that exists, then its members, and record what changed."""
    different = or_(Folder.name != request.name, Folder.external_id.is_distinct_from(request.external_id))
    named = (
        update(Folder)
        .where(Folder.org_id == current_org(db), Folder.id == group_id, different)
        .values(name=request.name, external_id=request.external_id, updated_at=now)
    )
    try:
        db.execute(named.execution_options(synchronize_session=False))
    except IntegrityError as error:
        raise Taken(_TAKEN) from error
    moved = move_members(db, group_id, moves, now)
    record_each(db, "folder.created", created, actor, now)
    record_each(db, "folder.changed", renamed, actor, now, {"changed": ["name"]})
    record_each(db, "party.changed", moved, actor, now, {"changed": ["folders"]})
