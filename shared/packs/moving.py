"""The packs that hold a party, when it is merged with another one or gets another id: erasing it must find them."""

import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import delete, func, literal_column, select, text, update
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Move
from shared.packs.models import PackPerson

Moved = dict[str, Any]
"""ids: the packs in which the party was moved. dropped: the rows of the party in packs that hold the other one too."""

_BARE: dict[str, Any] = {"synchronize_session": False}

_PUT_BACK = text("""
    INSERT INTO pack_person
    SELECT row.* FROM jsonb_populate_recordset(NULL::pack_person, cast(:rows AS jsonb)) AS row
    JOIN pack ON pack.org_id = row.org_id AND pack.id = row.pack_id
    ON CONFLICT DO NOTHING""")


def move_packs(db: Session, move: Move) -> Moved:
    """Let packs that hold the old party hold the new one. What a pack says stays as it was said."""
    org_id = current_org(db)
    theirs = select(PackPerson.pack_id).where(PackPerson.org_id == org_id, PackPerson.party_id == move.new)
    both = (
        PackPerson.org_id == org_id,
        PackPerson.party_id == move.old,
        PackPerson.pack_id.in_(db.scalars(theirs).all()),
    )
    dropped = list(
        db.scalars(select(func.to_jsonb(literal_column("pack_person"))).where(*both).select_from(PackPerson))
    )
    db.execute(delete(PackPerson).where(*both), execution_options=_BARE)
    old = PackPerson.org_id == org_id, PackPerson.party_id == move.old
    moved = update(PackPerson).where(*old).values(party_id=move.new).returning(PackPerson.pack_id)
    ids = db.scalars(moved, execution_options=_BARE).all()
    return {"ids": sorted(map(str, ids)), "dropped": dropped}


def move_packs_back(db: Session, move: Move, moved: Moved) -> None:
    """Let the packs that are left hold the old party again."""
    new = PackPerson.org_id == current_org(db), PackPerson.party_id == move.new
    these = is_one_of(PackPerson.pack_id, _ids(moved["ids"]))
    db.execute(update(PackPerson).where(*new, these).values(party_id=move.old), execution_options=_BARE)
    if moved["dropped"]:
        db.execute(_PUT_BACK, {"rows": orjson.dumps(moved["dropped"]).decode()})


def _ids(written: Iterable[str]) -> list[uuid.UUID]:
    return [uuid.UUID(one) for one in written]
