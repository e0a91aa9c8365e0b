"""Writing the directory: whole sets at a time, with an event for every party and folder that changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import ColumnElement, Row, Text, func, null, select, update
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import texts
from shared.database import current_org
from shared.directory import statements
from shared.directory.models import Folder, Party
from shared.directory.schemas import FolderRequest, PartyRow
from shared.errors import Fault, InvalidInput
from shared.events import Actor

ERASED_NAME = "Erased party"


@dataclass(frozen=True)
class Synced:
    """The numbers of parties that a synchronisation created, updated and left unchanged."""

    created: int
    updated: int
    unchanged: int


def put_parties(db: Session, rows: Sequence[PartyRow], actor: Actor, now: datetime) -> Synced:
    """Create or update the parties of these rows, of which each party has one. Creates folders that do not exist.

    A row's folders replace all folders of the party; a row without folders leaves them. An erased party is updated like
    any other: if the source still sends the name, the name is back. So erase it in the source first.
    """
    by_id = {row.entity_id: row for row in rows}
    created = statements.insert_parties(db, rows, now)
    before = statements.lock_parties(db, by_id.keys() - created)
    compared = {party_id: _differences(by_id[party_id], present) for party_id, present in before.items()}
    changes = {party_id: fields for party_id, fields in compared.items() if fields}
    placed = {row.entity_id: set(row.folders) for row in rows if row.folders is not None}
    new_folders = statements.insert_folders(db, {name: name for name in set().union(*placed.values())}, now)
    for party_id in _set_folders(db, placed) - created:
        changes.setdefault(party_id, []).append("folders")
    statements.update_parties(db, [by_id[party_id] for party_id in changes], now)
    _record_each(db, "folder.created", new_folders, actor, now)
    _record_each(db, "party.created", created, actor, now)
    _record_changes(db, by_id, changes, actor, now)
    return Synced(len(created), len(changes), len(rows) - len(created) - len(changes))


def put_folder(db: Session, folder_id: str, request: FolderRequest, actor: Actor, now: datetime) -> bool:
    """Create or rename a folder and, if parties are given, make them its only members. Returns True if it is new.

    Raises InvalidInput, which names each party that is not in the directory.
    """
    given = request.party_ids
    present = set() if given is None else _lock_members(db, folder_id, given)
    created = statements.insert_folders(db, {folder_id: request.name}, now)
    renamed = db.scalars(
        update(Folder)
        .where(Folder.org_id == current_org(db), Folder.id == folder_id, Folder.name != request.name)
        .values(name=request.name, updated_at=now)
        .returning(Folder.id)
    ).all()
    left = statements.remove_members(db, present.difference(given or ()), folder_id=folder_id)
    joined = statements.insert_members(db, {(folder_id, party_id) for party_id in given or ()})
    statements.touch_parties(db, left | joined, now)
    _record_each(db, "folder.created", created, actor, now)
    _record_each(db, "folder.changed", renamed, actor, now, {"changed": ["name"]})
    _record_each(db, "party.changed", left | joined, actor, now, {"changed": ["folders"]})
    return bool(created)


def erase_party(db: Session, party_id: str, actor: Actor, now: datetime) -> None:
    """Erase a party's name and e-mail address. All ids stay. Erasing a party again does nothing."""
    erased = db.scalar(
        update(Party)
        .where(Party.org_id == current_org(db), Party.id == party_id, Party.erased_at.is_(None))
        .values(display_name=ERASED_NAME, email=None, erased_at=now, updated_at=now)
        .returning(Party.id)
    )
    if erased is not None:
        _record_each(db, "party.erased", [party_id], actor, now)


def lock_parties(db: Session, which: ColumnElement[bool]) -> None:
    """Lock parties until the end of this transaction, in the order of their ids, as every lock of several parties is.

    Other transactions may still insert rows that refer to these parties.
    """
    theirs = select(Party.id).where(Party.org_id == current_org(db), which).order_by(Party.id)
    db.execute(select(func.count()).select_from(theirs.with_for_update(key_share=True).cte("theirs")))


def _differences(given: PartyRow, present: Row[Any]) -> list[str]:
    """Returns the fields in which a row differs from the stored party, by their JSON names."""
    return [to_camel(name) for name in statements.COPIED if getattr(given, name) != getattr(present, name)]


def _set_folders(db: Session, placed: Mapping[str, set[str]]) -> set[str]:
    """Make these the only folders of each party. Returns the parties whose folders changed."""
    present = statements.folders_of(db, placed.keys())
    moved = {party_id for party_id, folder_ids in placed.items() if folder_ids != present.get(party_id, set())}
    statements.remove_members(db, moved)
    statements.insert_members(db, [(folder_id, party_id) for party_id in moved for folder_id in placed[party_id]])
    return moved


def _lock_members(db: Session, folder_id: str, party_ids: Sequence[str]) -> set[str]:
    """Lock the members of a folder and the parties given. Returns the members. Raises InvalidInput."""
    present = statements.members_of(db, folder_id)
    known = statements.lock_parties(db, present.union(party_ids))
    unknown = [n for n, party_id in enumerate(party_ids) if party_id not in known]
    if unknown:
        raise InvalidInput(*(Fault(f"/partyIds/{n}", "There is no such party in the directory.") for n in unknown))
    return present


def _record_changes(
    db: Session, rows: Mapping[str, PartyRow], changes: Mapping[str, list[str]], actor: Actor, now: datetime
) -> None:
    """Record the names of each party's changed fields, with one call for all parties with the same changes.

    So the number of statements is bounded by the combinations of fields, not by the number of parties. A source changes
    its parties in few ways at a time.
    """
    alike: defaultdict[tuple[tuple[str, ...], bool | None], list[str]] = defaultdict(list)
    for party_id, changed in changes.items():
        alike[tuple(changed), rows[party_id].active if "active" in changed else None].append(party_id)
    for (fields, active), party_ids in alike.items():
        data = {"changed": list(fields)} | ({} if active is None else {"active": active})
        _record_each(db, "party.changed", party_ids, actor, now, data)


def _record_each(
    db: Session,
    type: str,
    subject_ids: Collection[str],
    actor: Actor,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> None:
    """Record one event for each of these parties, or folders if `type` begins with `folder`."""
    noun, _, _ = type.partition(".")
    each = func.unnest(texts(sorted(subject_ids)), type_=Text).column_valued("id")
    of = select(func.concat(f"{noun}/", each).label("subject"), (each if noun == "party" else null()).label("party_id"))
    events.record_each(db, actor, now, type=type, count=len(subject_ids), of=of, data=data or {})
