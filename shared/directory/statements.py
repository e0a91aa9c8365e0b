"""What `actions` are made of: sets of rows read or written in one statement each, however many they are.

No statement joins a table to what came as a parameter. PostgreSQL guesses how many rows a parameter holds, and for a
directory that has just grown it guesses the table wrong too; joined, 10,000 rows then take minutes instead of a moment.

Locks are taken in one order everywhere: parties by id, folders by id, then who is in them. So two synchronisations
that overlap wait for each other and do not deadlock, and a party's folders change only under its lock.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Row, Text, case, column, delete, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.orm import Session

from shared.arrays import is_one_of, texts
from shared.database import current_org
from shared.directory.models import Folder, FolderMember, Party
from shared.directory.schemas import PartyRow

COPIED = ("display_name", "email", "member_id", "active", "time_zone")
"""The columns of a party that its own system decides; they have the same names in a row."""


def insert_parties(db: Session, rows: Sequence[PartyRow], now: datetime) -> set[str]:
    """Insert the parties that are not there yet. Answers which; all the others are there when it returns."""
    return set(db.scalars(_insert_rows(db, rows, now).on_conflict_do_nothing().returning(Party.id)))


def update_parties(db: Session, rows: Sequence[PartyRow], now: datetime) -> None:
    """Write the rows of parties that are there, and locked. One that was erased is not any more if its name is back."""
    written = _insert_rows(db, rows, now)
    new = written.excluded
    as_erased = (Party.display_name == new.display_name) & Party.email.is_not_distinct_from(new.email)
    changes: dict[str, ColumnElement[Any]] = {name: new[name] for name in (*COPIED, "updated_at")}
    changes["erased_at"] = case((as_erased, Party.erased_at), else_=null())
    db.execute(written.on_conflict_do_update(index_elements=[Party.org_id, Party.id], set_=changes))


def lock_parties(db: Session, party_ids: Collection[str]) -> dict[str, Row[Any]]:
    """Lock those of the parties that there are. Answers their COPIED columns, by id."""
    columns = [getattr(Party, name) for name in COPIED]
    found = (
        select(Party.id, *columns)
        .where(Party.org_id == current_org(db), is_one_of(Party.id, party_ids))
        .order_by(Party.id)
        .with_for_update(key_share=True)
    )
    return {row.id: row for row in db.execute(found)}


def touch_parties(db: Session, party_ids: Collection[str], now: datetime) -> None:
    """Note that these parties, which are locked, have changed."""
    touched = (
        update(Party).where(Party.org_id == current_org(db), is_one_of(Party.id, party_ids)).values(updated_at=now)
    )
    db.execute(touched.execution_options(synchronize_session=False))


def insert_folders(db: Session, names: Mapping[str, str], now: datetime) -> set[str]:
    """Insert those of the folders, given as names by id, that are not there yet. Answers which."""
    folder_ids = sorted(names)
    each = (
        func.unnest(texts(folder_ids), texts([names[folder_id] for folder_id in folder_ids]))
        .table_valued("id", "name")
        .render_derived()
    )
    new = select(literal(current_org(db)), each.c.id, each.c.name, literal(now), literal(now))
    inserted = insert(Folder).from_select(["org_id", "id", "name", "created_at", "updated_at"], new, False)
    return set(db.scalars(inserted.on_conflict_do_nothing().returning(Folder.id)))


def folders_of(db: Session, party_ids: Collection[str]) -> dict[str, set[str]]:
    """The folders of those of the parties that are in any."""
    found = (
        select(FolderMember.party_id, func.array_agg(FolderMember.folder_id))
        .where(FolderMember.org_id == current_org(db), is_one_of(FolderMember.party_id, party_ids))
        .group_by(FolderMember.party_id)
    )
    return {party_id: set(folder_ids) for party_id, folder_ids in db.execute(found)}


def members_of(db: Session, folder_id: str) -> set[str]:
    """The parties in a folder."""
    found = select(FolderMember.party_id).where(
        FolderMember.org_id == current_org(db), FolderMember.folder_id == folder_id
    )
    return set(db.scalars(found))


def insert_members(db: Session, members: Iterable[tuple[str, str]]) -> set[str]:
    """Put parties into folders, given as pairs of folder and party. Answers the parties that were not there yet."""
    pairs = sorted(members)
    each = func.unnest(texts([folder_id for folder_id, _ in pairs]), texts([party_id for _, party_id in pairs]))
    named = each.table_valued("folder_id", "party_id").render_derived()
    new = select(literal(current_org(db)), named.c.folder_id, named.c.party_id)
    inserted = insert(FolderMember).from_select(["org_id", "folder_id", "party_id"], new, False)
    return set(db.scalars(inserted.on_conflict_do_nothing().returning(FolderMember.party_id)))


def remove_members(db: Session, party_ids: Collection[str], *, folder_id: str | None = None) -> set[str]:
    """Take parties out of one folder, or out of all. Answers those that were there."""
    removed = delete(FolderMember).where(
        FolderMember.org_id == current_org(db), is_one_of(FolderMember.party_id, party_ids)
    )
    if folder_id is not None:
        removed = removed.where(FolderMember.folder_id == folder_id)
    answered = removed.returning(FolderMember.party_id).execution_options(synchronize_session=False)
    return set(db.scalars(answered))


def _insert_rows(db: Session, rows: Sequence[PartyRow], now: datetime) -> Insert:
    """The rows as one insert with one parameter, in the order of their ids."""
    ordered = sorted(rows, key=lambda row: row.entity_id)
    document = literal([row.model_dump(exclude={"folders"}) for row in ordered], JSONB)
    columns = [column(name, Boolean if name == "active" else Text) for name in ("entity_id", *COPIED)]
    given = func.jsonb_to_recordset(document).table_valued(*columns).render_derived("given", with_types=True)
    new = select(literal(current_org(db)), *given.c, literal(now), literal(now))
    return insert(Party).from_select(["org_id", "id", *COPIED, "created_at", "updated_at"], new, False)
