"""The directory: a source system puts parties and folders, callers list and get them.

Erasing a party joins the directory with the nouns whose records hold notes about it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import access, assignments, directory, events, licences, packs, sheets, views
from shared.access import Caller, Permission
from shared.directory import BadRow, Folder, FolderRequest, Party, PartyRow, Reading, SyncAnswer, Warned
from shared.events import Fact
from shared.services.verbs import verb
from shared.settings import TRAINING
from shared.sheets import Body

MAX_ROWS_OF_A_FILE = 1_000_000
ERASED = "This party was erased and stays so; whoever returns comes under another id."
BLANKS = "There is a party {}; if this is the same one, write its id without blanks."
SIMILAR = "The id {} differs from this one only in letter case; if both are one person, use one id."

SEES = (Permission.VIEW, Permission.ADMIN, Permission.SYNC_DIRECTORY)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def put_parties(db: Session, caller: Caller, body: Body, now: datetime, *, dry_run: bool = False) -> SyncAnswer:
    """Create or update up to 10,000 parties as the source system has them. Bad rows are reported and left out.

    What the body says of columns is remembered for the organization's next file. dry_run: everything is done, answered
    and taken back. Raises InvalidInput for a body that cannot be read at all.
    """
    return _put(db, caller, body, now, dry_run=dry_run)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def rows_to_repair(db: Session, caller: Caller, body: Body, now: datetime) -> bytes:
    """Returns a file of people with only the rows that would not go in now, and a last column with the reasons.

    Writes nothing. Raises InvalidInput.
    """
    answer = _put(db, caller, body, now, dry_run=True)
    said = directory.meanings_of_columns(db, directory.FIELDS)
    return sheets.rows_to_repair(body, directory.FIELDS, said, reasons_of(answer))


def _put(db: Session, caller: Caller, body: Body, now: datetime, *, dry_run: bool) -> SyncAnswer:
    with db.begin_nested() as everything:
        reading = _read(db, body, now, directory.MAX_PARTIES)
        answer = _synchronised(db, caller, reading, reading.rows, now)
        if dry_run:
            everything.rollback()
    return answer


def reasons_of(answer: SyncAnswer) -> dict[int, list[str]]:
    """Returns the reasons why rows did not go in, by the number of the row."""
    reasons: dict[int, list[str]] = {}
    for bad in (*answer.errors, *(warned for warned in answer.warnings if warned.code == "erased")):
        reasons.setdefault(bad.row, []).append(sheets.placed(bad.line, bad.column, bad.detail))
    return reasons


@verb(Permission.SYNC_DIRECTORY, whole=True)
def read_file(db: Session, _: Caller, body: Body, now: datetime) -> Reading:
    """Read a file of people, of any length, and remember what its columns mean for the organization's next file.

    Raises InvalidInput.
    """
    return _read(db, body, now, MAX_ROWS_OF_A_FILE)


def _read(db: Session, body: Body, now: datetime, most: int) -> Reading:
    said = directory.meanings_of_columns(db, directory.FIELDS)
    reading = directory.read_parties(body, said, most)
    directory.remember_columns(db, directory.FIELDS, body.now_said, now)
    return reading


@verb(Permission.SYNC_DIRECTORY, whole=True)
def put_read_parties(
    db: Session, caller: Caller, reading: Reading, rows: Sequence[PartyRow], now: datetime
) -> SyncAnswer:
    """Create or update the parties of some rows of a file. The answer does not repeat the reading's own bad rows."""
    return _synchronised(db, caller, replace(reading, bad=[]), rows, now)


def _synchronised(db: Session, caller: Caller, reading: Reading, rows: Sequence[PartyRow], now: datetime) -> SyncAnswer:
    synced = directory.put_parties(db, rows, caller.actor, now)
    places = reading.places
    refused = [places[each].bad(f"/{field}", each, why) for each, (field, why) in synced.refused.items()]
    errors = sorted([*_with_hints(db, reading), *refused], key=lambda bad: bad.row)
    erased = dict.fromkeys(synced.erased, ("erased", ERASED))
    similar = {each: ("similar-id", SIMILAR.format(other)) for each, other in synced.similar.items()}
    return SyncAnswer(
        created=synced.created,
        updated=synced.updated,
        unchanged=synced.unchanged,
        erased=len(synced.erased),
        failed=len({bad.row for bad in errors}),
        errors=errors,
        warnings=sorted(
            (
                Warned(**dict(places[each].bad("/entityId", each, detail)), code=code)
                for each, (code, detail) in (erased | similar).items()
            ),
            key=lambda warned: warned.row,
        ),
        folders_created=list(synced.folders_created),
        columns=reading.columns,
        ignored_columns=reading.ignored_columns,
        notes=list(reading.notes),
    )


def _with_hints(db: Session, reading: Reading) -> list[BadRow]:
    """Returns the bad rows; where an id is that of a party but for blanks, the sentence says so."""
    if not reading.blanks:
        return reading.bad
    known = directory.ids_in_any_case(db, set(reading.blanks.values()))
    return [
        bad.model_copy(update={"detail": f"{bad.detail} {BLANKS.format(known[meant])}"})
        if bad.pointer == "/entityId" and (meant := reading.blanks.get(bad.row)) in known
        else bad
        for bad in reading.bad
    ]


@verb(*SEES)
def list_parties(
    db: Session, caller: Caller, *, folder_id: str | None, active: bool | None, q: str | None
) -> Select[Party, Sequence[str]]:
    """Select the parties in the caller's scope, by id."""
    return directory.list_parties(db, caller.folders, folder_id=folder_id, active=active, q=q)


@verb(*SEES)
def get_party(db: Session, caller: Caller, party_id: str) -> Row[Party, Sequence[str]]:
    """Return one party in the caller's scope. Raises NotFound."""
    return directory.get_party(db, party_id, caller.folders)


@verb()
def need_present_id(db: Session, caller: Caller, party_id: str) -> None:
    """Raise PartyRenumbered if this is a former id of a party in the caller's scope."""
    directory.need_not_former(db, party_id, caller.folders)


@verb(Permission.ADMIN, Permission.SYNC_DIRECTORY, whole=True)
def erase_party(
    db: Session, caller: Caller, party_id: str, features: frozenset[str], now: datetime
) -> Row[Party, Sequence[str]]:
    """Erase a party for good, with the notes of its records. It is inactive and in no folder then. Its sign-ins end.

    Of an erased party only what somebody, or a process of the former release, has left since is blanked. Packs that
    hold it are deleted. Raises NotFound.
    """
    party = directory.get_party(db, party_id, caller.folders)[0]
    access.forget_person(db, party_id, party.member_id, now)
    ids = [party_id, *directory.former_ids(db, party_id)]
    views.forget_person(db, ids, party.member_id, "" if party.erased_at else party.display_name)
    deployed = TRAINING in features
    if deployed:
        assignments.blank_notes(db, party_id)
    along = partial(_blank_notes, db, ids) if deployed else None
    gone = packs.delete_packs(db, packs.holding(party_id)) if deployed else []
    directory.erase_party(db, party_id, caller.actor, now, along)
    events.record(db, caller.actor, now, *(Fact("pack.deleted", f"pack/{each}", {"why": "erasure"}) for each in gone))
    return directory.get_party(db, party_id, caller.folders)


def _blank_notes(db: Session, party_ids: Sequence[str]) -> None:
    """Blank what licences note about a party, and its rows of imports, also those that name a former id."""
    for party_id in party_ids:
        licences.blank_notes(db, party_id)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def put_folder(
    db: Session, caller: Caller, folder_id: str, body: FolderRequest, now: datetime
) -> tuple[Row[Folder, int], bool]:
    """Create or rename a folder. Given parties become all of its parties. Returns the folder, and True if it is new.

    Raises InvalidInput for a party that is not in the directory.
    """
    is_new = directory.put_folder(db, folder_id, body, caller.actor, now)
    return directory.get_folder(db, folder_id, caller.folders), is_new


@verb(*SEES)
def list_folders(db: Session, caller: Caller) -> Select[Folder, int]:
    """Select the folders in the caller's scope, by id."""
    return directory.list_folders(db, caller.folders)
