"""Records of the past: imported as a job, previewed, and undone as if they had never been.

An import is one request. Its rows are stored before its job is submitted; the chunks of the job bring them in.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, directory, jobs, licences, sheets
from shared.access import Caller, Organization, Permission
from shared.assignments import UndoJob
from shared.jobs import Accepted, Chunk, Job, Key, Kind, Outcome, OutcomeCode, Tally, Undo, declare
from shared.licences import (
    Decision,
    PreviewedRecords,
    PreviewedRow,
    Reading,
    ReadRow,
    RecordsJob,
    RecordsPreview,
    Terms,
)
from shared.services.submitting import submit
from shared.services.verbs import verb
from shared.sheets import Body

EXAMPLES = 20
"""Upper bound of rows that a preview shows of each outcome."""


@dataclass(frozen=True)
class Sent:
    """The body of an import. own_issuer: the caller confirms that rows may name the organization itself as issuer."""

    body: Body
    own_issuer: bool = False


def _undo(db: Session, chunk: Chunk, request: UndoJob, now: datetime) -> Tally:
    return licences.undo_records(db, chunk, request.undo_of, now)


def _made(job: Job) -> Select[*tuple[Any, ...]]:
    return licences.records_made_by(job, OutcomeCode.RECORDED)


def _given_by(job: Job) -> Select[str]:
    """Select the rows that an import brought in, as the recipients of its undo."""
    made = _made(job)
    return made.with_only_columns(made.selected_columns.entity_id)


def _end(db: Session, job: Job, request: RecordsJob, _: datetime) -> None:
    if job.cancelled:
        licences.drop_cancelled_rows(db, job, request.import_id)


IMPORT = declare(
    Kind(
        name="records.import",
        request=RecordsJob,
        work=licences.import_chunk,
        needs=Permission.ADMIN,
        on_end=_end,
        made=_made,
        record="licence",
        undo=Undo(_given_by, _undo, licences.foresee_undo, by="record"),
    )
)


@verb(Permission.ADMIN)
def import_records(
    db: Session, caller: Caller, sent: Sent, key: Key | None, *, workers: int, now: datetime
) -> Accepted:
    """Submit the import of records as a job. A row that cannot be read fails alone. Raises InvalidInput."""
    if earlier := jobs.replayed(db, key, None):
        return earlier
    reading = _read(db, sent, now)
    directory.remember_columns(db, licences.RECORD_FIELDS, sent.body.now_said, now)
    import_id = licences.store_rows(db, reading.rows, now)
    confirmed = {"own_issuer": True} if sent.own_issuer else {}
    request = RecordsJob(by="record", import_id=import_id, format=sent.body.media_type, **confirmed)
    recipients = licences.rows_as_recipients(db, import_id)
    return submit(db, caller, IMPORT, request, recipients, key=key, workers=workers, now=now)


@verb(Permission.ADMIN)
def preview_records(db: Session, caller: Caller, sent: Sent, now: datetime) -> RecordsPreview:
    """Return the outcomes that an import would have now, with up to 20 rows of each. Raises InvalidInput."""
    reading, decisions = decided(db, caller, sent, now)
    found: dict[OutcomeCode, list[Decision]] = defaultdict(list)
    for one in decisions:
        found[one.code].append(one)
    outcomes = [_previewed(code, ones) for code, ones in sorted(found.items())]
    return RecordsPreview(
        total=len(reading.rows),
        outcomes=outcomes,
        columns=reading.columns,
        ignored_columns=reading.ignored_columns,
        notes=list(reading.notes),
    )


@verb(Permission.ADMIN)
def rows_to_repair(db: Session, caller: Caller, sent: Sent, now: datetime) -> bytes:
    """Returns a file of records with only the rows that would fail now, and a last column with the reasons.

    Writes nothing. Raises InvalidInput.
    """
    said = directory.meanings_of_columns(db, licences.RECORD_FIELDS)
    _, decisions = decided(db, caller, sent, now)
    failed = (one for one in decisions if one.code.outcome == Outcome.FAILED)
    reasons = {one.row.row: [sheets.placed(one.row.line, None, one.detail or one.code.detail)] for one in failed}
    return sheets.rows_to_repair(sent.body, licences.RECORD_FIELDS, said, reasons)


@verb(Permission.ADMIN)
def decided(db: Session, caller: Caller, sent: Sent, now: datetime) -> tuple[Reading, list[Decision]]:
    """Returns what is in a body, and what would become of each of its rows now. Raises InvalidInput."""
    reading = _read(db, sent, now)
    terms = Terms(access.get_organization(db).time_zone, caller.folders, now)
    return reading, list(licences.decide(db, reading.rows, licences.know(db, reading.rows, terms), terms))


def _previewed(code: OutcomeCode, ones: list[Decision]) -> PreviewedRecords:
    examples = [
        PreviewedRow(row=one.row.row, line=one.row.line, party_id=one.row.party_id, detail=one.detail or code.detail)
        for one in ones[:EXAMPLES]
    ]
    return PreviewedRecords(outcome=code.outcome, code=code, count=len(ones), examples=examples)


def _read(db: Session, sent: Sent, now: datetime) -> Reading:
    organization = access.get_organization(db)
    said = directory.meanings_of_columns(db, licences.RECORD_FIELDS)
    reading = licences.read_records(sent.body, access.today(db, now), said)
    if sent.own_issuer:
        return reading
    return replace(reading, rows=list(_without_own_issuer(reading.rows, organization)))


def _without_own_issuer(rows: Iterable[ReadRow], organization: Organization) -> Iterator[ReadRow]:
    """Refuse rows that name the organization itself as issuer: they would look as if they had been earned here."""
    names = _compared(organization.name), _compared(organization.id)
    is_own = cache(lambda issuer: _compared(issuer) in names)
    for row in rows:
        own = row.issuer is not None and row.code is None and is_own(row.issuer)
        yield row._replace(code=OutcomeCode.OWN_ISSUER) if own else row


def _compared(name: str) -> str:
    """Return the form in which names of issuers are compared: without case, and with single blanks."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
