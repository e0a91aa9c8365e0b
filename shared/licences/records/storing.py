"""Keeping the rows of an import until its job has done them."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import uuid_utils
from sqlalchemy import ColumnElement, Integer, Select, Text, cast, delete, func, select, text
from sqlalchemy.orm import Session

from shared.arrays import is_one_of, written
from shared.database import current_org
from shared.jobs import ChunkState, Job, JobChunk
from shared.licences.models import Licence
from shared.licences.records.models import RecordRow
from shared.licences.records.reading import ReadRow

KEPT = timedelta(days=30)
"""A row that failed is kept for so long: for a retry of its job, and longer than an undo is possible."""

DIGITS = 6
"""Digits of a row's number in the id of a recipient, so that the ids of one party's rows sort by their numbers."""

_BELOW_TIME = (1 << 80) - 1
"""The bits of a UUIDv7 that do not say its time. The time is the program's, which tests move."""

_INSERT = text("""
    INSERT INTO record_row (org_id, import_id, row, line, party_id, course_id, course_code, version_label, completed_on,
        expires_on, issuer, number, note, code, detail)
    SELECT :org, :import_id, read.*
    FROM unnest(cast(:row AS integer[]), cast(:line AS integer[]), cast(:party_id AS text[]),
        cast(:course_id AS uuid[]), cast(:course_code AS text[]), cast(:version_label AS text[]),
        cast(:completed_on AS date[]), cast(:expires_on AS date[]), cast(:issuer AS text[]), cast(:number AS text[]),
        cast(:note AS text[]), cast(:code AS text[]), cast(:detail AS text[])) AS read""")


def store_rows(db: Session, rows: Sequence[ReadRow], now: datetime) -> uuid.UUID:
    """Store the rows of a new import, and delete what is left of old ones. Returns the import's id."""
    org_id, import_id = current_org(db), uuid.UUID(int=_first_id(now) | uuid_utils.uuid7().int & _BELOW_TIME)
    oldest = uuid.UUID(int=_first_id(now - KEPT))
    db.execute(delete(RecordRow).where(RecordRow.org_id == org_id, RecordRow.import_id < oldest))
    columns = zip(ReadRow._fields, zip(*rows, strict=True), strict=True)
    db.execute(_INSERT, {"org": org_id, "import_id": import_id, **{name: written(each) for name, each in columns}})
    return import_id


def rows_as_recipients(db: Session, import_id: uuid.UUID) -> Select[str]:
    """Selects the rows of an import as the recipients of its job: ids of party, row and line, with blanks between them.

    No id of a party has a blank, so these ids sort by party and then by row, and `split_part` finds the party.
    """
    return select(_recipient(RecordRow.party_id, RecordRow.row, RecordRow.line).label("entity_id")).where(
        RecordRow.org_id == current_org(db), RecordRow.import_id == import_id
    )


def records_made_by(job: Job, code: str) -> Select[*tuple[Any, ...]]:
    """Selects the records that a job brought in, in the columns of its outcomes: `entity_id, code, record_id`."""
    return select(
        _recipient(Licence.party_id, Licence.record_row, Licence.record_line).label("entity_id"),
        cast(code, Text).label("code"),
        Licence.id.label("record_id"),
    ).where(Licence.org_id == job.org_id, Licence.job_id == job.id)


def row_of(recipient: str) -> int:
    """Returns the number of the row that a recipient is."""
    return int(recipient.split(" ")[1])


def party_of(recipient: str) -> str:
    """Returns the party of the row that a recipient is; empty if it has none."""
    return recipient.split(" ")[0]


def stored_rows(db: Session, import_id: uuid.UUID, numbers: Sequence[int]) -> list[ReadRow]:
    """Returns these rows of an import, by party and number: the order in which records are inserted."""
    columns = [getattr(RecordRow, name) for name in ReadRow._fields]
    found = db.execute(select(*columns).where(*_of(db, import_id, numbers)))
    return sorted((ReadRow(*row) for row in found), key=attrgetter("party_id", "row"))


def drop_rows(db: Session, import_id: uuid.UUID, numbers: Collection[int]) -> None:
    """Delete rows that went in, or never will."""
    if numbers:
        of = delete(RecordRow).where(*_of(db, import_id, numbers))
        db.execute(of, execution_options={"synchronize_session": False})


def drop_cancelled_rows(db: Session, job: Job, import_id: uuid.UUID) -> None:
    """Delete the rows of an import that its cancelled or rejected job has never done."""
    recipients = func.unnest(JobChunk.recipients)
    cancelled = select(cast(func.split_part(recipients, " ", 2), Integer)).where(
        JobChunk.org_id == job.org_id, JobChunk.job_id == job.id, JobChunk.state == ChunkState.CANCELLED
    )
    drop_rows(db, import_id, db.scalars(cancelled).all())


def drop_rows_of(db: Session, party_id: str) -> None:
    """Delete the rows of a party that have not gone in, whatever their import."""
    db.execute(delete(RecordRow).where(RecordRow.org_id == current_org(db), RecordRow.party_id == party_id))


def _first_id(at: datetime) -> int:
    """Returns the least UUIDv7 of an instant."""
    return int(at.timestamp() * 1000) << 80


def _recipient(party_id: Any, row: Any, line: Any) -> ColumnElement[str]:
    return func.concat_ws(" ", party_id, func.lpad(cast(row, Text), DIGITS, "0"), line)


def _of(db: Session, import_id: uuid.UUID, numbers: Collection[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        RecordRow.org_id == current_org(db),
        RecordRow.import_id == import_id,
        is_one_of(RecordRow.row, list(numbers)),
    )
