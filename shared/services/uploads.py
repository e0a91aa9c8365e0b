"""Uploads: a file sent to the console is checked, repaired in the page, and its good rows go in, once.

Each change of an upload checks it again and keeps the result, so that its page is shown without reading the rows. The
rows go in by the verb of their noun, with its permission.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from shared import directory, sheets, uploads
from shared.access import Caller, Permission
from shared.errors import Conflict, Fault, InvalidInput
from shared.jobs import Accepted, Key
from shared.services import directory as people
from shared.services import records
from shared.services.checking import KINDS, Found, Wrong, check, recipients_in
from shared.services.records import Sent
from shared.services.verbs import verb
from shared.sheets import CSV, Body, Fields, Opened, table_in
from shared.uploads import Purpose, Upload

MOST_SHOWN = 50
"""Rows to repair on one page."""

ANY = (Permission.ASSIGN, Permission.SYNC_DIRECTORY, Permission.ADMIN)


class Owned(NamedTuple):
    """An upload as its address names it, with the sign-in that asks for it."""

    upload_id: uuid.UUID
    purpose: Purpose
    sign_in_id: uuid.UUID


class UploadTaken(Conflict):
    """The rows of the upload have gone in already."""

    slug, title = "upload-taken", "Upload taken"

    def __init__(self) -> None:
        super().__init__("The rows of this file have gone in already. Nothing was done again.")


class ToRepair(NamedTuple):
    """A row to repair. cells: by place; None: the line cannot be read."""

    line: int
    cells: list[str] | None
    wrong: list[Wrong]


class Shown(NamedTuple):
    """An upload as its page shows it. rows: the first ones to repair. after: the line before them; further: if more."""

    upload: Upload
    found: Found
    rows: list[ToRepair]
    further: int | None


@verb(*ANY)
def get_fields(_: Session, caller: Caller, purpose: Purpose) -> Fields:
    """Return the fields that a file for a purpose may have. Raises PermissionDenied."""
    KINDS[purpose].needs.need(caller)
    return KINDS[purpose].fields


@verb(*ANY)
def keep_upload(
    db: Session, caller: Caller, purpose: Purpose, opened: Opened, sign_in_id: uuid.UUID, now: datetime
) -> tuple[Upload, Found]:
    """Keep a file, and check it. Raises InvalidInput at `/file`."""
    KINDS[purpose].needs.need(caller)
    made = uploads.keep(db, purpose, opened, sign_in_id, caller.member_id, now)
    return made, _checked(db, caller, made, now)


@verb(*ANY)
def get_upload(db: Session, caller: Caller, owned: Owned, now: datetime, after: int = 0) -> Shown:
    """Return an upload with the rows to repair whose lines come after this one. Raises NotFound."""
    upload = _own(db, caller, owned, now)
    found = Found.of(upload)
    lines = sorted(line for line in found.cells if line > after)
    shown = lines[:MOST_SHOWN]
    rows = [ToRepair(line, found.cells[line], [one for one in found.wrong if one.line == line]) for line in shown]
    return Shown(upload, found, rows, shown[-1] if len(lines) > MOST_SHOWN else None)


@verb(*ANY)
def say_columns(db: Session, caller: Caller, owned: Owned, meant: Mapping[int, str], now: datetime) -> Found:
    """Say what the columns of an upload are, and check it again.

    meant: the field of a column by its place; empty: it is ignored. Raises NotFound, UploadTaken, InvalidInput.
    """
    upload = _own(db, caller, owned, now, lock=True)
    header = Found.of(upload).header
    said = {header[place]: name or None for place, name in meant.items() if place < len(header) and header[place]}
    upload.columns = said
    return _checked(db, caller, upload, now)


@verb(*ANY)
def repair(db: Session, caller: Caller, owned: Owned, cells: Mapping[int, Mapping[int, str]], now: datetime) -> Found:
    """Put cells in place of those of the file, by line and place, and check it again.

    Cells of rows without a fault stay as they are. Raises NotFound, UploadTaken, InvalidInput.
    """
    upload = _own(db, caller, owned, now, lock=True)
    found = Found.of(upload)
    width = len(found.header)
    repairs = {line: dict(changed) for line, changed in upload.repairs.items()}
    for line, changed in cells.items():
        if line in found.bad:
            typed = {str(place): text.strip() for place, text in changed.items() if 0 <= place < width}
            repairs[str(line)] = repairs.get(str(line), {}) | typed
    upload.repairs = repairs
    return _checked(db, caller, upload, now)


@verb(*ANY)
def rows_to_repair(db: Session, caller: Caller, owned: Owned, now: datetime) -> tuple[Body, bytes]:
    """Return the file, and the same file with only the rows to repair and a column of their faults. Raises NotFound."""
    upload = _own(db, caller, owned, now)
    kind, found = KINDS[owned.purpose], Found.of(upload)
    said, told = directory.meanings_of_columns(db, kind.remembered), dict[int, list[str]]()
    for one in found.wrong:
        told.setdefault(one.line, []).append(one.detail)
    rows = enumerate(table_in(_body(upload), kind.fields, said).rows, start=1)
    reasons = {n: told[row.number] for n, row in rows if row.number in told}
    return _body(upload), sheets.rows_to_repair(_body(upload), kind.fields, said, reasons)


@verb(*ANY)
def get_recipients(db: Session, caller: Caller, owned: Owned, now: datetime) -> list[str]:
    """Return the ids in the good rows of a file of recipients. Raises NotFound."""
    upload = _own(db, caller, owned, now)
    return recipients_in(_good(upload), directory.meanings_of_columns(db, directory.FIELDS))


@verb(Permission.SYNC_DIRECTORY, whole=True)
def submit_people(db: Session, caller: Caller, owned: Owned, now: datetime) -> None:
    """Put the people of the good rows into the directory, once. Raises NotFound, UploadTaken, InvalidInput."""
    upload = _own(db, caller, owned, now, lock=True)
    answer = people.put_parties(db, caller, _good(upload), now)
    upload.outcome = {
        "created": answer.created,
        "updated": answer.updated,
        "unchanged": answer.unchanged + answer.erased,
        "failed": answer.failed,
        "folders": len(answer.folders_created),
    }


@verb(Permission.ADMIN)
def submit_records(
    db: Session, caller: Caller, owned: Owned, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit the import of the good rows as a job, once. Raises NotFound, UploadTaken, InvalidInput."""
    upload = _own(db, caller, owned, now, lock=True)
    accepted = records.import_records(db, caller, Sent(_good(upload)), key, workers=workers, now=now)
    upload.outcome = {"jobId": str(accepted.job.id)}
    return accepted


def _own(db: Session, caller: Caller, owned: Owned, now: datetime, *, lock: bool = False) -> Upload:
    """Return an upload of the caller; lock: to change it, while its rows have not gone in."""
    KINDS[owned.purpose].needs.need(caller)
    upload = uploads.get(db, owned.upload_id, owned.purpose, owned.sign_in_id, caller.member_id, now, lock=lock)
    if lock and upload.outcome is not None:
        raise UploadTaken
    return upload


def _body(upload: Upload, without: set[int] | None = None) -> Body:
    opened = uploads.unpacked(upload.content, upload.repairs, without or ())
    return Body(CSV, b"", now_said=upload.columns, opened=opened)


def _good(upload: Upload) -> Body:
    """Return the file without the rows to repair. Raises InvalidInput if there are no others."""
    found = Found.of(upload)
    if found.fault or not found.good:
        raise InvalidInput(Fault("", found.fault or "No row can go in yet; correct some first."))
    return _body(upload, found.bad)


def _checked(db: Session, caller: Caller, upload: Upload, now: datetime) -> Found:
    found = check(db, caller, Purpose(upload.purpose), lambda: _body(upload), now)
    upload.found = found.kept()
    db.flush()
    return found
