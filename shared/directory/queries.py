"""Reading the directory: parties and folders that a caller may see, and conditions on parties for other nouns.

A scope is the ids of the folders whose parties a caller may see, or None for the whole organization. A party outside
the scope does not exist for the caller, and a folder outside the scope is not named in any response.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Label, Row, ScalarSelect, Select, Text, exists, false, func, select, true, union
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from shared.arrays import is_one_of, texts
from shared.database import current_org
from shared.directory.former import PartyRenumbered, current_ids
from shared.directory.models import Folder, FolderMember, Party
from shared.errors import NotFound

Scope = Collection[str] | None
MOST_CHOICES = 500
"""Folders that a page offers to choose from."""
MAX_WORDS = 10
"""Upper bound of the words of a search that are looked for."""
TextColumn = ColumnElement[str] | InstrumentedAttribute[str]


def in_scope(party_id: TextColumn, folders: Scope) -> ColumnElement[bool]:
    """Returns the condition that the party of a row is in one of these folders; always true for None.

    OFFSET 0 makes PostgreSQL look each row up by itself. As a join, it compares every row with every member of the
    folders while PostgreSQL does not know the organization.
    """
    if folders is None:
        return true()
    member = aliased(FolderMember)  # the rows may be members of folders themselves
    mine = select(member.party_id).where(
        member.org_id == _this_org(), member.party_id == party_id, is_one_of(member.folder_id, folders)
    )
    return mine.offset(0).exists()


def in_folders(party_id: TextColumn, folders: Collection[str]) -> ColumnElement[bool]:
    """Returns the same condition as `in_scope` for thousands of ids that are in no table, such as those of an array.

    PostgreSQL reads the members once into a hash table, whatever its statistics say. `IS TRUE` keeps it from making a
    join of it, which may read all members for each id.
    """
    member = aliased(FolderMember)
    members = select(member.party_id).where(member.org_id == _this_org(), is_one_of(member.folder_id, folders))
    return party_id.in_(members).is_(true())


def is_known(party_id: TextColumn) -> ColumnElement[bool]:
    """Returns the condition that a party of this id exists."""
    party = aliased(Party)
    return exists().where(party.org_id == _this_org(), party.id == party_id)


def recipients(*, party_ids: Collection[str], folder_ids: Collection[str]) -> Select[str]:
    """Returns a select of the parties given and of the folders' members, each once, as `party_id`.

    The parties given are included even if they do not exist, the members even if they are inactive.
    """
    named = select(func.unnest(texts(party_ids)).column_valued("party_id"))
    members = select(FolderMember.party_id).where(
        FolderMember.org_id == _this_org(), is_one_of(FolderMember.folder_id, folder_ids)
    )
    return select(union(named, members).subquery().c.party_id)


def inactive_among(db: Session, party_ids: Collection[str]) -> list[str]:
    """Returns those of the parties that are inactive, sorted."""
    found = select(Party.id).where(Party.org_id == current_org(db), is_one_of(Party.id, party_ids), ~Party.active)
    return list(db.scalars(found.order_by(Party.id)))


def unknown_among(db: Session, party_ids: Collection[str], scope: Scope) -> set[str]:
    """Returns those of the ids under which there is no party in the scope."""
    known = select(Party.id).where(
        Party.org_id == current_org(db), is_one_of(Party.id, party_ids), in_scope(Party.id, scope)
    )
    return set(party_ids).difference(db.scalars(known))


def missing_folders(db: Session, folder_ids: Collection[str], scope: Scope) -> list[str]:
    """Returns the folders that do not exist or are outside the scope, sorted."""
    known = set(db.scalars(select(Folder.id).where(Folder.org_id == current_org(db), is_one_of(Folder.id, folder_ids))))
    return sorted(set(folder_ids) - (known if scope is None else known.intersection(scope)))


def list_parties(
    db: Session, scope: Scope, *, folder_id: str | None = None, active: bool | None = None, q: str | None = None
) -> Select[Party, Sequence[str]]:
    """Returns a select of parties by id, as rows of (Party, folders).

    q: the beginning of a word of the name or of the id, or several of them, in any letter case, accents and form.
    """
    if folder_id is not None:
        scope = {folder_id} if scope is None else {folder_id}.intersection(scope)
    rows = _parties(db, scope).order_by(Party.id)
    if active is not None:
        rows = rows.where(Party.active == active)
    if q is not None:
        rows = rows.where(*_named(db, q))
    return rows


def get_party(db: Session, party_id: str, scope: Scope) -> Row[Party, Sequence[str]]:
    """Returns the row (Party, folders) of one party. Raises NotFound, also for a party outside the scope.

    Raises PartyRenumbered if the party is in the scope under another id.
    """
    row = db.execute(_parties(db, scope).where(Party.id == party_id)).one_or_none()
    if row is None:
        need_not_former(db, party_id, scope)
        raise NotFound("party")
    return row


def need_not_former(db: Session, party_id: str, scope: Scope) -> None:
    """Raise PartyRenumbered if this is a former id of a party in the scope."""
    for now in current_ids(db, [party_id]).values():
        if db.execute(_parties(db, scope).where(Party.id == now)).first() is not None:
            raise PartyRenumbered(party_id, now)


def find_party(db: Session, field: str, value: str) -> Party | None:
    """Returns the party whose `entityId` or `memberId` (`field`) this is. None if there is none, or more than one."""
    column = Party.id if field == "entityId" else Party.member_id
    found = db.scalars(select(Party).where(Party.org_id == current_org(db), column == value).limit(2)).all()
    return found[0] if len(found) == 1 else None


def first_active_party(db: Session) -> Party | None:
    """Returns the active party whose id is the first."""
    return db.scalars(
        select(Party).where(Party.org_id == current_org(db), Party.active).order_by(Party.id).limit(1)
    ).first()


def list_folders(db: Session, scope: Scope) -> Select[Folder, int]:
    """Returns a select of folders by id, as rows of (Folder, number of parties), without those that SCIM deleted."""
    size = (
        select(func.count())
        .where(FolderMember.org_id == Folder.org_id, FolderMember.folder_id == Folder.id)
        .scalar_subquery()
    )
    rows = select(Folder, size).where(Folder.org_id == current_org(db), Folder.hidden_at.is_(None)).order_by(Folder.id)
    return rows if scope is None else rows.where(is_one_of(Folder.id, scope))


def get_folder(db: Session, folder_id: str, scope: Scope) -> Row[Folder, int]:
    """Returns the row (Folder, number of parties) of one folder. Raises NotFound, also for one outside the scope."""
    row = db.execute(list_folders(db, scope).where(Folder.id == folder_id)).one_or_none()
    if row is None:
        raise NotFound("folder")
    return row


def _parties(db: Session, scope: Scope) -> Select[Party, Sequence[str]]:
    mine = (
        select(FolderMember.folder_id)
        .where(FolderMember.org_id == Party.org_id, FolderMember.party_id == Party.id)
        .order_by(FolderMember.folder_id)
    )
    if scope is not None:
        mine = mine.where(is_one_of(FolderMember.folder_id, scope))
    shown = func.array(mine.scalar_subquery(), type_=ARRAY(Text)).label("folders")
    return select(Party, shown).where(Party.org_id == current_org(db), in_scope(Party.id, scope))


def _named(db: Session, q: str) -> Iterator[ColumnElement[bool]]:
    """Yields one condition for each word of `q`: a word of the party begins with it."""
    words = db.scalars(select(func.compared_form(q))).one().split()
    if not words:
        yield false()
    for word in dict.fromkeys(words[:MAX_WORDS]):
        yield func.has_word(Party.compared, word)


def name_of(org_id: Any, party_id: Any) -> Label[str]:
    """Returns a party's name as a column of another noun's rows, looked up for each row that is shown and no other."""
    name = select(Party.display_name).where(Party.org_id == org_id, Party.id == party_id)
    return name.scalar_subquery().label("display_name")


def names_of_parties(db: Session, party_ids: Collection[str], scope: Scope) -> Select[*tuple[Any, ...]]:
    """Select the id and the name of these parties, as far as they are in the scope."""
    named = select(Party.id, Party.display_name).where(Party.org_id == current_org(db), in_scope(Party.id, scope))
    return named.where(is_one_of(Party.id, party_ids))


def names_of_folders(db: Session, folder_ids: Collection[str], scope: Scope) -> Select[*tuple[Any, ...]]:
    """Select the id and the name of these folders, as far as they are in the scope."""
    named = select(Folder.id, Folder.name).where(Folder.org_id == current_org(db), is_one_of(Folder.id, folder_ids))
    return named if scope is None else named.where(is_one_of(Folder.id, scope))


def names_of_members(db: Session, member_ids: Collection[str], scope: Scope) -> Select[*tuple[Any, ...]]:
    """Select the id of these members and the name of the party in the scope that each represents."""
    named = select(Party.member_id, Party.display_name).where(
        Party.org_id == current_org(db), in_scope(Party.id, scope)
    )
    return named.where(is_one_of(Party.member_id, member_ids))


def _this_org() -> ColumnElement[str]:
    """Returns the transaction's organization as an SQL expression, for conditions that are built without a `db`."""
    return func.current_setting("rollcall.org")


def as_choices(db: Session, scope: Scope) -> ScalarSelect[Any]:
    """Returns a subquery of the folders in the scope, as JSON pairs of id and name, by name."""
    rows = select(Folder.id, Folder.name).where(Folder.org_id == current_org(db), Folder.hidden_at.is_(None))
    if scope is not None:
        rows = rows.where(is_one_of(Folder.id, scope))
    each = rows.order_by(Folder.name, Folder.id).limit(MOST_CHOICES).subquery()
    pair = func.json_build_array(each.c.id, each.c.name)
    return select(func.json_agg(aggregate_order_by(pair, each.c.name, each.c.id))).scalar_subquery()
