"""Packs as rows: made, filled part by part, finished, deleted, and read back in order."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import is_one_of
from shared.database import Database, current_org
from shared.directory import Party
from shared.errors import NotFound
from shared.packs.models import Pack, PackPart, PackPerson

KEPT = timedelta(days=7)
PARTS_A_PAGE = 20

Scope = Collection[str] | None


def create(db: Session, parties: Select[Any], **values: Any) -> None:
    """Store a new pack. parties: selects their ids, one column; they are numbered by id."""
    db.execute(insert(Pack).values(org_id=current_org(db), **values))
    (party_id,) = parties.subquery().c
    numbered = select(
        literal(current_org(db)), literal(values["id"]), party_id, func.row_number().over(order_by=party_id)
    )
    columns = [PackPerson.org_id, PackPerson.pack_id, PackPerson.party_id, PackPerson.number]
    db.execute(insert(PackPerson).from_select(columns, numbered))


def held(db: Session, pack_id: uuid.UUID) -> Pack | None:
    """Returns a pack that stays until this transaction ends; None if it was deleted."""
    return db.scalar(select(Pack).where(_is(db, pack_id)).with_for_update(key_share=True, read=True))


def people_of(db: Session, pack_id: uuid.UUID, party_ids: Select[Any]) -> list[tuple[int, Party]]:
    """Returns those of the parties that the pack holds, with their numbers, in order."""
    rows = (
        select(PackPerson.number, Party)
        .join(Party, and_(Party.org_id == PackPerson.org_id, Party.id == PackPerson.party_id))
        .where(PackPerson.org_id == current_org(db), PackPerson.pack_id == pack_id, PackPerson.party_id.in_(party_ids))
    )
    return [(number, party) for number, party in db.execute(rows.order_by(PackPerson.number))]


def put(db: Session, pack_id: uuid.UUID, parts: Mapping[tuple[str, int], bytes]) -> None:
    """Store parts of files by name and number; one that is there is replaced."""
    if not parts:
        return
    of = {"org_id": current_org(db), "pack_id": pack_id}
    row = postgresql.insert(PackPart)
    stored = row.on_conflict_do_update(constraint="pk_pack_part", set_={"content": row.excluded.content})
    db.execute(stored, [{**of, "name": name, "n": n, "content": content} for (name, n), content in parts.items()])


def digests(db: Session, pack_id: uuid.UUID) -> Iterator[tuple[str, str, int]]:
    """Yields name, SHA-256 and size of each file, with one page of parts in memory at a time."""
    name, digest, size = "", sha256(), 0
    for part_name, content in _parts(db, pack_id):
        if part_name != name and name:
            yield name, digest.hexdigest(), size
            digest, size = sha256(), 0
        name = part_name
        digest.update(content)
        size += len(content)
    if name:
        yield name, digest.hexdigest(), size


def contents(db: Session, pack_id: uuid.UUID, folder: str) -> Iterator[bytes]:
    """Yields the content of each file in a folder of the pack, by name. Each has one part; a page is in memory."""
    for name, content in _parts(db, pack_id, (f"{folder}/", -1)):
        if not name.startswith(f"{folder}/"):
            return
        yield content


def finish(db: Session, pack_id: uuid.UUID, *, manifest_hash: str, size: int, now: datetime) -> None:
    """Give a pack its end."""
    db.execute(
        update(Pack)
        .where(_is(db, pack_id))
        .values(ready_at=now, expires_at=now + KEPT, manifest_hash=manifest_hash, size=size)
    )


def list_packs(db: Session, scope: Scope, now: datetime) -> Select[Pack]:
    """Select the packs that are not over and whose parties are all in the scope, the newest first."""
    outside = select(PackPerson.party_id).where(
        PackPerson.org_id == Pack.org_id, PackPerson.pack_id == Pack.id, ~directory.in_scope(PackPerson.party_id, scope)
    )
    rows = select(Pack).where(Pack.org_id == current_org(db), or_(Pack.expires_at.is_(None), Pack.expires_at > now))
    return (rows if scope is None else rows.where(~outside.exists())).order_by(Pack.id.desc())


def get_pack(db: Session, pack_id: uuid.UUID, scope: Scope, now: datetime) -> Pack:
    """Return a pack. Raises NotFound, also if one of its parties is outside the scope."""
    found = db.scalar(list_packs(db, scope, now).where(Pack.id == pack_id))
    if found is None:
        raise NotFound("pack")
    return found


def delete_packs(db: Session, which: ColumnElement[bool]) -> list[uuid.UUID]:
    """Delete packs with everything in them. Returns their ids."""
    return list(db.scalars(delete(Pack).where(Pack.org_id == current_org(db), which).returning(Pack.id)))


def holding(party_id: str) -> ColumnElement[bool]:
    """The condition that a pack holds this party."""
    return (
        select(PackPerson.party_id)
        .where(PackPerson.org_id == Pack.org_id, PackPerson.pack_id == Pack.id, PackPerson.party_id == party_id)
        .exists()
    )


def over(now: datetime) -> ColumnElement[bool]:
    """The condition that a pack's time has passed."""
    return Pack.expires_at <= now


def organizations_with_packs_over(db: Session, now: datetime) -> list[str]:
    """Returns the organizations that have packs whose time has passed. The transaction needs no organization."""
    return list(db.scalars(select(func.organizations_with_packs_over(now))))


def stored_parts(database: Database, org_id: str, pack_id: uuid.UUID) -> Iterator[list[tuple[str, bytes]]]:
    """Yields the parts in order, page by page, each page in a transaction of its own."""
    after = ("", -1)
    while True:
        with database.transaction(org_id) as db:
            page = _page(db, pack_id, after)
        if not page:
            return
        after = (page[-1][0], page[-1][1])
        yield [(name, content) for name, _, content in page]


def known_among(db: Session, party_ids: Collection[str], scope: Scope) -> Select[str]:
    """Select those of the parties that exist, are not erased and are in the scope."""
    return everybody(db, scope).where(is_one_of(Party.id, party_ids))


def everybody(db: Session, scope: Scope) -> Select[str]:
    """Select the parties in the scope that are not erased."""
    return select(Party.id).where(
        Party.org_id == current_org(db), Party.erased_at.is_(None), directory.in_scope(Party.id, scope)
    )


def chosen(db: Session, scope: Scope, party_ids: Collection[str], folder_ids: Collection[str]) -> Select[str]:
    """Select those of the parties given and of the folders' members that are in the scope and not erased."""
    named = directory.recipients(party_ids=party_ids, folder_ids=folder_ids)
    return everybody(db, scope).where(Party.id.in_(named))


def _parts(db: Session, pack_id: uuid.UUID, after: tuple[str, int] = ("", -1)) -> Iterator[tuple[str, bytes]]:
    while page := _page(db, pack_id, after):
        after = (page[-1][0], page[-1][1])
        yield from ((name, content) for name, _, content in page)


def _page(db: Session, pack_id: uuid.UUID, after: tuple[str, int]) -> list[tuple[str, int, bytes]]:
    rows = (
        select(PackPart.name, PackPart.n, PackPart.content)
        .where(PackPart.org_id == current_org(db), PackPart.pack_id == pack_id)
        .where(tuple_(PackPart.name, PackPart.n) > after)
        .order_by(PackPart.name, PackPart.n)
        .limit(PARTS_A_PAGE)
    )
    return [(name, n, content) for name, n, content in db.execute(rows)]


def _is(db: Session, pack_id: uuid.UUID) -> ColumnElement[bool]:
    return and_(Pack.org_id == current_org(db), Pack.id == pack_id)
