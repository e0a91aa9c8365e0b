"""Moving a party: its row goes, and another one takes its place, either one that is there already or a new one.

The rows of other tables are moved between `lock_move` and `end_move`. Deleting the party's row fails if one is left.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.directory import statements
from shared.directory.former import COPIES_KEPT, FormerParty, former_ids, free_ids
from shared.directory.models import Folder, FolderMember, Party, ScimUser
from shared.events import Actor


@dataclass(frozen=True)
class Move:
    """One party's way to another id. merges: a party with the new id is there already.

    actor, job_id: of the job that moves it, or takes that back. undo_of: the job that is taken back.
    """

    old: str
    new: str
    merges: bool
    reason: str
    actor: Actor
    job_id: uuid.UUID
    now: datetime
    undo_of: uuid.UUID | None = None

    @property
    def ids(self) -> list[str]:
        """Both ids, in the order in which parties are locked."""
        return sorted((self.old, self.new))


def lock_move(db: Session, move: Move) -> dict[str, bool]:
    """Lock both parties in the order of their ids. Returns those that exist, with True for an erased one.

    Nobody can insert a row that refers to the old one from now on: its row goes.
    """
    found: dict[str, bool] = {}
    for party_id in move.ids:
        one = select(Party.id, Party.erased_at).where(Party.org_id == current_org(db), Party.id == party_id)
        row = db.execute(one.with_for_update(key_share=party_id == move.new)).one_or_none()
        if row is not None:
            found[party_id] = row.erased_at is not None
    return found


_BARE: dict[str, Any] = {"synchronize_session": False}

_RESTORE_NAMES = text("""
    INSERT INTO scim_user SELECT * FROM jsonb_populate_recordset(NULL::scim_user, cast(:names AS jsonb))
    ON CONFLICT DO NOTHING""")

_COLUMNS = [one.name for one in Party.__table__.columns if one.computed is None]

_COPY = text(f"""
    INSERT INTO party ({", ".join(_COLUMNS)})
    SELECT {", ".join(":new" if name == "id" else ":now" if name == "updated_at" else name for name in _COLUMNS)}
    FROM party WHERE org_id = :org AND id = :old
    ON CONFLICT DO NOTHING RETURNING id""")  # noqa: S608 - the names are those of the model

_ROW = text("SELECT to_jsonb(party) FROM party WHERE org_id = :org AND id = :id")

_RESTORE = text(f"""
    INSERT INTO party ({", ".join(_COLUMNS)})
    SELECT {", ".join(_COLUMNS)} FROM jsonb_populate_record(NULL::party, cast(:party AS jsonb))
    ON CONFLICT DO NOTHING""")  # noqa: S608


def copy_party(db: Session, move: Move) -> bool:
    """Insert the party under its new id, with its folders. Returns False if the id is taken.

    An id that the party itself had before is free for it; one of a party merged into it, once the undo is over.
    """
    org_id = current_org(db)
    if move.new in free_ids(db, move.old, move.now):
        db.execute(delete(FormerParty).where(FormerParty.org_id == org_id, FormerParty.id == move.new))
    given = {"org": org_id, "old": move.old, "new": move.new, "now": move.now}
    if db.scalar(_COPY, given) is None:
        return False
    mine = FolderMember.org_id == org_id, FolderMember.party_id == move.old
    db.execute(update(FolderMember).where(*mine).values(party_id=move.new), execution_options=_BARE)
    _pass_names(db, move.old, move.new)
    return True


def end_move(db: Session, move: Move, moved: dict[str, Any]) -> None:
    """Delete the party's old row, and note its former id. moved: what was moved, by table, for undoing.

    A merged party leaves its folders: those of the party that stays say where it belongs.
    """
    org_id = current_org(db)
    old = Party.org_id == org_id, Party.id == move.old
    copied = None
    if move.merges:
        folders = select(FolderMember.folder_id).where(FolderMember.org_id == org_id, FolderMember.party_id == move.old)
        row: dict[str, Any] = db.execute(_ROW, {"org": org_id, "id": move.old}).scalar_one()
        copied = {name: row[name] for name in _COLUMNS} | {"folders": sorted(db.scalars(folders))}
        copied |= {"names": _drop_names(db, move.old) if _has_names(db, move.new) else None}
        _pass_names(db, move.old, move.new)
        statements.remove_members(db, [move.old])
    of_old_ones = FormerParty.org_id == org_id, FormerParty.moved_at < move.now - COPIES_KEPT
    db.execute(update(FormerParty).where(*of_old_ones, FormerParty.party.is_not(None)).values(party=None))
    values = {"into_id": move.new, "job_id": move.job_id, "moved_at": move.now, "merged": move.merges}
    db.execute(insert(FormerParty).values(org_id=org_id, id=move.old, party=copied, moved=moved, **values))
    db.execute(delete(Party).where(*old).execution_options(synchronize_session=False))


def bring_back(db: Session, former: FormerParty) -> None:
    """Insert the row of a merged party again, in those of its folders that are still there."""
    org_id, copied = current_org(db), former.party
    assert copied is not None
    party_id = former.id
    db.execute(delete(FormerParty).where(FormerParty.org_id == org_id, FormerParty.id == party_id))
    db.flush()
    db.execute(_RESTORE, {"party": orjson.dumps(copied).decode()})
    there = set(db.scalars(select(Folder.id).where(Folder.org_id == org_id)))
    statements.insert_members(db, [(one, party_id) for one in copied["folders"] if one in there])
    if copied["names"] is None:
        _pass_names(db, former.into_id, party_id)
    else:
        db.execute(_RESTORE_NAMES, {"names": orjson.dumps(copied["names"]).decode()})


def _has_names(db: Session, party_id: str) -> bool:
    """True if a directory service has given the party names."""
    theirs = ScimUser.org_id == current_org(db), ScimUser.party_id == party_id
    return db.scalar(select(ScimUser.party_id).where(*theirs)) is not None


def _drop_names(db: Session, party_id: str) -> list[dict[str, Any]]:
    """Delete the names of a party, and return them: those of the party that stays are as they are."""
    theirs = {"org": current_org(db), "id": party_id}
    rows = db.scalars(text("SELECT to_jsonb(scim_user) FROM scim_user WHERE org_id = :org AND party_id = :id"), theirs)
    found = list(rows)
    dropped = delete(ScimUser).where(ScimUser.org_id == current_org(db), ScimUser.party_id == party_id)
    db.execute(dropped, execution_options=_BARE)
    return found


def _pass_names(db: Session, source: str, target: str) -> None:
    """Let the names that a directory service gave a party be those of another one."""
    theirs = ScimUser.org_id == current_org(db), ScimUser.party_id == source
    db.execute(update(ScimUser).where(*theirs).values(party_id=target), execution_options=_BARE)


def forget_copies(db: Session, party_id: str) -> None:
    """Delete what is kept of the rows of parties that were merged into this one, because it is erased."""
    ids = former_ids(db, party_id)
    if ids:
        of_them = FormerParty.org_id == current_org(db), FormerParty.id.in_(ids)
        db.execute(update(FormerParty).where(*of_them).values(party=None, moved={}))
