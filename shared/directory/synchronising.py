"""Synchronising parties: a set of rows against the directory, of which each row changes only what it mentions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel
from sqlalchemy import Row
from sqlalchemy.orm import Session

from shared.directory import folder_names, statements
from shared.directory.former import NOW, current_ids
from shared.directory.recording import record_each
from shared.directory.schemas import PartyRow
from shared.events import Actor


@dataclass(frozen=True)
class Synced:
    """The numbers of parties that a synchronisation created, updated and left unchanged.

    erased: parties that were erased and stay so. refused: by party, the field and the reason why its row was left out.
    folders_created: ids of new folders. similar: new parties whose id another party has in other letter case.
    """

    created: int
    updated: int
    unchanged: int
    erased: Sequence[str] = field(default=(), compare=False)
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict, compare=False)
    folders_created: Sequence[str] = field(default=(), compare=False)
    similar: Mapping[str, str] = field(default_factory=dict, compare=False)


def put_parties(
    db: Session, rows: Sequence[PartyRow], actor: Actor, now: datetime, along: Callable[[], None] = lambda: None
) -> Synced:
    """Create or update the parties of these rows, of which each party has one. Creates folders that do not exist.

    A field that a row does not mention stays as it is; a new party takes the default. A row's folders replace all
    folders of the party. An erased party stays as it is, whatever its row says.
    along: writes what belongs to the parties; called with them locked, before the events are recorded.
    """
    folders = folder_names.resolve(db, rows)
    refused = {party_id: ("folders", detail) for party_id, detail in folders.refused.items()}
    by_id = {row.entity_id: row for row in rows if row.entity_id not in refused}
    created = statements.insert_parties(
        db, [row for row in by_id.values() if "display_name" in row.model_fields_set], now
    )
    before = statements.lock_parties(db, by_id.keys() - created)
    erased = sorted(party_id for party_id, present in before.items() if present.erased_at is not None)
    unnamed = by_id.keys() - created - before.keys()
    refused |= _reasons(db, unnamed)
    by_id = {party_id: row for party_id, row in by_id.items() if party_id not in {*erased, *unnamed}}
    changes = {party_id: _differences(row, before[party_id]) for party_id, row in by_id.items() if party_id in before}
    placed = {party_id: folders.ids[party_id] for party_id in by_id if party_id in folders.ids}
    used = set[str]().union(*placed.values())
    new_folders = statements.insert_folders(db, {each: folders.names.get(each, each) for each in used}, now)
    for party_id in _set_folders(db, placed) - created:
        changes[party_id].append("folders")
    changes = {party_id: fields for party_id, fields in changes.items() if fields}
    statements.update_parties(db, [_merged(by_id[party_id], before[party_id]) for party_id in changes], now)
    along()
    _record(db, new_folders, created, by_id, changes, actor, now)
    return Synced(
        len(created),
        len(changes),
        len(by_id) - len(created) - len(changes),
        erased=erased,
        refused=refused,
        folders_created=sorted(new_folders),
        similar=statements.similar_ids(db, created) if created else {},
    )


def _reasons(db: Session, unknown: Collection[str]) -> dict[str, tuple[str, str]]:
    """Returns, for each party that is not there and could not be made, the field and the reason why."""
    if not unknown:
        return {}
    nameless = dict.fromkeys(unknown, ("displayName", "A new party needs a name; there is none with this id yet."))
    present = current_ids(db, unknown).items()
    return nameless | {party_id: ("entityId", f"{NOW.format(other)} Name that one.") for party_id, other in present}


def _differences(given: PartyRow, present: Row[Any]) -> list[str]:
    """Returns the mentioned fields in which a row differs from the stored party, by their JSON names."""
    mentioned = [name for name in statements.COPIED if name in given.model_fields_set]
    return [to_camel(name) for name in mentioned if getattr(given, name) != getattr(present, name)]


def _merged(given: PartyRow, present: Row[Any]) -> dict[str, Any]:
    """Returns the columns of a party after its row: those that the row mentions, and the others as they are."""
    of = {name: given if name in given.model_fields_set else present for name in statements.COPIED}
    return {"entity_id": given.entity_id} | {name: getattr(source, name) for name, source in of.items()}


def _set_folders(db: Session, placed: Mapping[str, set[str]]) -> set[str]:
    """Make these the only folders of each party. Returns the parties whose folders changed."""
    present = statements.folders_of(db, placed.keys())
    moved = {party_id for party_id, folder_ids in placed.items() if folder_ids != present.get(party_id, set())}
    statements.remove_members(db, moved)
    statements.insert_members(db, [(folder_id, party_id) for party_id in moved for folder_id in placed[party_id]])
    return moved


def _record(
    db: Session,
    folders: set[str],
    created: set[str],
    rows: Mapping[str, PartyRow],
    changes: Mapping[str, list[str]],
    actor: Actor,
    now: datetime,
) -> None:
    """Record the new folders and parties, and each party's changed fields, with one call for all with the same changes.

    So the number of statements is bounded by the combinations of fields, not by the number of parties. A source changes
    its parties in few ways at a time.
    """
    record_each(db, "folder.created", folders, actor, now)
    record_each(db, "party.created", created, actor, now)
    alike: defaultdict[tuple[tuple[str, ...], bool | None], list[str]] = defaultdict(list)
    for party_id, changed in changes.items():
        alike[tuple(changed), rows[party_id].active if "active" in changed else None].append(party_id)
    for (fields, active), party_ids in alike.items():
        data = {"changed": list(fields)} | ({} if active is None else {"active": active})
        record_each(db, "party.changed", party_ids, actor, now, data)
