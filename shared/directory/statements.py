"""The statements of `actions`: each reads or writes a set of rows, however many they are.

No statement joins a table to the rows of a parameter. PostgreSQL guesses how many rows a parameter holds, and its
estimate of a table that has just grown is wrong too; such a join of 10,000 rows then takes minutes instead of a moment.

Locks are taken in one order everywhere: parties by id, folders by id, then memberships. So two synchronisations that
overlap wait for each other and do not deadlock, and a party's folders change only while the party is locked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Row, Text, column, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.orm import Session

from shared.arrays import is_one_of, texts
from shared.database import current_org
from shared.directory.models import Folder, FolderMember, Party
from shared.directory.schemas import PartyRow

COPIED = ("display_name", "email", "member_id", "active", "time_zone", "language")
"""The columns of a party that are copied from its source; they have the same names in a row."""


def insert_parties(db: Session, rows: Sequence[PartyRow], now: datetime) -> set[str]:
    """Insert the parties that do not exist. Returns the new ids; all other parties exist when it returns."""
    values = [row.model_dump(exclude={"folders"}) for row in rows]
    return set(db.scalars(_insert_rows(db, values, now).on_conflict_do_nothing().returning(Party.id)))


def update_parties(db: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Write parties that exist and are locked. rows: `entity_id` and all of COPIED."""
    written = _insert_rows(db, rows, now)
    changes: dict[str, ColumnElement[Any]] = {name: written.excluded[name] for name in (*COPIED, "updated_at")}
    db.execute(written.on_conflict_do_update(index_elements=[Party.org_id, Party.id], set_=changes))


def similar_ids(db: Session, party_ids: Collection[str]) -> dict[str, str]:
    """Returns, for those of the parties whose id another party has in other letter case, that other party's id."""
    found = (
        select(func.array_agg(Party.id))
        .where(
            Party.org_id == current_org(db), is_one_of(Party.folded_id, {party_id.lower() for party_id in party_ids})
        )
        .group_by(Party.folded_id)
        .having(func.count() > 1)
    )
    wanted = set(party_ids)
    return {each: min(set(alike) - {each}) for alike in db.scalars(found) for each in wanted.intersection(alike)}


def ids_in_any_case(db: Session, party_ids: Collection[str]) -> dict[str, str]:
    """Returns, for those of the ids that a party has, in whatever letter case, the party's id."""
    folded = {party_id.lower() for party_id in party_ids}
    found = select(Party.id).where(Party.org_id == current_org(db), is_one_of(Party.folded_id, folded))
    alike = {party_id.lower(): party_id for party_id in db.scalars(found.order_by(Party.id))}
    return {party_id: alike[party_id.lower()] for party_id in party_ids if party_id.lower() in alike}


def lock_parties(db: Session, party_ids: Collection[str]) -> dict[str, Row[Any]]:
    """Lock the parties that exist, in the order of their ids. Returns COPIED and `erased_at`, by id."""
    columns = [getattr(Party, name) for name in (*COPIED, "erased_at")]
    found = (
        select(Party.id, *columns)
        .where(Party.org_id == current_org(db), is_one_of(Party.id, party_ids))
        .order_by(Party.id)
        .with_for_update(key_share=True)
    )
    return {row.id: row for row in db.execute(found)}


def touch_parties(db: Session, party_ids: Collection[str], now: datetime) -> None:
    """Set `updated_at` of these parties, which are locked."""
    touched = (
        update(Party).where(Party.org_id == current_org(db), is_one_of(Party.id, party_ids)).values(updated_at=now)
    )
    db.execute(touched.execution_options(synchronize_session=False))


def insert_folders(db: Session, names: Mapping[str, str], now: datetime) -> set[str]:
    """Insert the folders that do not exist, and show those that a SCIM client has deleted. names: by id.

    Returns the ids of both.
    """
    folder_ids = sorted(names)
    each = (
        func.unnest(texts(folder_ids), texts([names[folder_id] for folder_id in folder_ids]))
        .table_valued("id", "name")
        .render_derived()
    )
    new = select(literal(current_org(db)), each.c.id, each.c.name, literal(now), literal(now))
    inserted = insert(Folder).from_select(["org_id", "id", "name", "created_at", "updated_at"], new, False)
    added = inserted.on_conflict_do_nothing().returning(Folder.id).cte("added")
    hidden = (
        update(Folder)
        .where(Folder.org_id == current_org(db), is_one_of(Folder.id, folder_ids), Folder.hidden_at.is_not(None))
        .values(hidden_at=None, updated_at=now)
    )
    shown = hidden.returning(Folder.id).cte("shown")
    return set(db.scalars(select(added.c.id).union_all(select(shown.c.id))))


def names_of_folders(db: Session) -> dict[str, str]:
    """Returns the names of all folders, by id."""
    found = select(Folder.id, Folder.name).where(Folder.org_id == current_org(db)).order_by(Folder.id)
    return {row.id: row.name for row in db.execute(found)}


def folders_of(db: Session, party_ids: Collection[str]) -> dict[str, set[str]]:
    """Returns the folders of each party that is in any."""
    found = (
        select(FolderMember.party_id, func.array_agg(FolderMember.folder_id))
        .where(FolderMember.org_id == current_org(db), is_one_of(FolderMember.party_id, party_ids))
        .group_by(FolderMember.party_id)
    )
    return {party_id: set(folder_ids) for party_id, folder_ids in db.execute(found)}


def members_of(db: Session, folder_id: str) -> set[str]:
    """Returns the parties in a folder."""
    found = select(FolderMember.party_id).where(
        FolderMember.org_id == current_org(db), FolderMember.folder_id == folder_id
    )
    return set(db.scalars(found))


def insert_members(db: Session, members: Iterable[tuple[str, str]]) -> set[str]:
    """Put parties into folders. members: pairs of folder and party. Returns the parties that were not members yet."""
    pairs = sorted(members)
    each = func.unnest(texts([folder_id for folder_id, _ in pairs]), texts([party_id for _, party_id in pairs]))
    named = each.table_valued("folder_id", "party_id").render_derived()
    new = select(literal(current_org(db)), named.c.folder_id, named.c.party_id)
    inserted = insert(FolderMember).from_select(["org_id", "folder_id", "party_id"], new, False)
    return set(db.scalars(inserted.on_conflict_do_nothing().returning(FolderMember.party_id)))


def remove_members(db: Session, party_ids: Collection[str], *, folder_id: str | None = None) -> set[str]:
    """Remove parties from one folder, or from all. Returns the parties that were members."""
    removed = delete(FolderMember).where(
        FolderMember.org_id == current_org(db), is_one_of(FolderMember.party_id, party_ids)
    )
    if folder_id is not None:
        removed = removed.where(FolderMember.folder_id == folder_id)
    answered = removed.returning(FolderMember.party_id).execution_options(synchronize_session=False)
    return set(db.scalars(answered))


def _insert_rows(db: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> Insert:
    """Returns an insert of the rows, in the order of their ids, with all of them in one JSON parameter."""
    document = literal(sorted(rows, key=lambda row: str(row["entity_id"])), JSONB)
    columns = [column(name, Boolean if name == "active" else Text) for name in ("entity_id", *COPIED)]
    given = func.jsonb_to_recordset(document).table_valued(*columns).render_derived("given", with_types=True)
    new = select(literal(current_org(db)), *given.c, literal(now), literal(now))
    return insert(Party).from_select(["org_id", "id", *COPIED, "created_at", "updated_at"], new, False)
