"""The directory: a source system puts parties and folders, callers list and get them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from shared import directory
from shared.access import Caller, Permission
from shared.directory import Folder, FolderRequest, Party, SyncAnswer
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.ADMIN, Permission.SYNC_DIRECTORY)


@verb(Permission.SYNC_DIRECTORY, whole=True)
def put_parties(db: Session, caller: Caller, media_type: str, body: bytes, now: datetime) -> SyncAnswer:
    """Create or update up to 10,000 parties as the source system has them. Bad rows are reported and left out.

    media_type: one of `directory.MEDIA_TYPES`. Raises InvalidInput for a body that cannot be read at all.
    """
    rows, bad = directory.read_parties(media_type, body)
    synced = directory.put_parties(db, rows, caller.actor, now)
    return SyncAnswer(
        created=synced.created,
        updated=synced.updated,
        unchanged=synced.unchanged,
        failed=len({row.row for row in bad}),
        errors=bad,
    )


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


@verb(Permission.ADMIN, Permission.SYNC_DIRECTORY, whole=True)
def erase_party(db: Session, caller: Caller, party_id: str, now: datetime) -> Row[Party, Sequence[str]]:
    """Erase a party's name and e-mail address. Does nothing if they are erased. Raises NotFound."""
    directory.get_party(db, party_id, caller.folders)
    directory.erase_party(db, party_id, caller.actor, now)
    return directory.get_party(db, party_id, caller.folders)


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
