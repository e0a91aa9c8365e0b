"""The work of a chunk of an import: any number of rows in the same fixed number of statements.

Of a party's licences of a course the one that ends last counts, whatever the order in which they came. So a record that
ends before the licence that counts is inserted as superseded, and says by which one.
"""

import secrets
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, get_args, get_type_hints

import orjson
import uuid_utils.compat
from sqlalchemy import Text, Uuid, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from shared import access, catalogue, directory, events
from shared.arrays import is_one_of, written
from shared.catalogue import PastVersion
from shared.database import current_org
from shared.directory import Party
from shared.jobs import Chunk, Outcome, OutcomeCode, Tally, store_outcomes
from shared.licences.models import Licence
from shared.licences.queries import has_id
from shared.licences.recording import superseded_by
from shared.licences.records.deciding import (
    Decision,
    Terms,
    counting,
    courses_without_version,
    each_alone,
    know,
    know_parties,
    know_versions,
    without_repeated,
)
from shared.licences.records.schemas import RecordsJob
from shared.licences.records.storing import drop_rows, row_of, stored_rows

CODE_DIGITS = 16
"""Hexadecimal digits of a licence's code. They are drawn here, because `licence_code()` in SQL costs 6 microseconds."""

Superseded = tuple[uuid.UUID | None, uuid.UUID | None, datetime | None]
"""`renews_id, superseded_by_id, superseded_at`"""


class Record(NamedTuple):
    """A record as it goes in: the columns of `Licence` in which the records of a chunk differ."""

    id: uuid.UUID
    party_id: str
    course_id: uuid.UUID
    course_version_id: uuid.UUID
    valid_from: datetime
    expires_at: datetime
    rule: str
    months: int | None
    counted_from: datetime | None
    ends: str | None
    renews_id: uuid.UUID | None
    superseded_by_id: uuid.UUID | None
    superseded_at: datetime | None
    code: str
    record_key: str
    record_row: int
    record_line: int | None
    completed_on: date
    issuer: str | None
    note: str | None


_TYPES = {uuid.UUID: "uuid", str: "text", datetime: "timestamptz", int: "integer", date: "date"}
_COLUMNS = {name: _TYPES[(get_args(kind) or (kind,))[0]] for name, kind in get_type_hints(Record).items()}
"""The columns of a record, each with its type in PostgreSQL."""

_INSERT = text(f"""
    INSERT INTO licence (org_id, job_id, granted_by_type, granted_by_id, granted_at, {", ".join(_COLUMNS)})
    SELECT :org, :job, :actor_type, :actor_id, :now, made.*
    FROM unnest({", ".join(f"cast(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())}) AS made""")  # noqa: S608 - names of columns

_RECORDED = text("""
    SELECT 'licence/' || id AS subject, party_id, data
    FROM ROWS FROM (unnest(cast(:ids AS uuid[])), unnest(cast(:parties AS text[])),
        jsonb_array_elements(cast(:data AS jsonb))) AS made(id, party_id, data)""").columns(
    subject=Text, party_id=Text, data=JSONB
)
"""The events of records as rows for `events.record_each`. The licences just inserted are not read again: their data are
at hand, and other chunks wait meanwhile for the counter of events."""

OUTCOMES = text("""
    SELECT cast(:org AS text) AS org_id, cast(:job AS uuid) AS job_id, entity_id, outcome, code, record_id, detail
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS made (entity_id text, outcome text, code text, record_id uuid,
        detail text)""").columns(
    org_id=Text, job_id=Uuid, entity_id=Text, outcome=Text, code=Text, record_id=Uuid, detail=Text
)
"""The outcomes of rows as rows of `JobOutcome`, from one parameter."""


def import_chunk(db: Session, chunk: Chunk, request: RecordsJob, now: datetime) -> Tally:
    """Bring in the records of a chunk's rows, and store the outcomes of the others.

    Courses are locked before parties, and events are recorded last: see docs/locks.md.
    """
    recipients = {row_of(one): one for one in db.scalars(chunk.recipients)}
    rows = stored_rows(db, request.import_id, sorted(recipients))
    terms = Terms(access.get_organization(db).time_zone, chunk.job.folders, now)
    known = know(db, rows, terms)
    alone = each_alone(rows, known, terms)
    made: list[PastVersion] = []
    if lacking := courses_without_version(alone):
        made = catalogue.add_unrecorded(db, lacking, now)
        know_versions(db, known)
    parties = known.parties
    directory.lock_parties(db, is_one_of(Party.id, sorted(parties)))
    know_parties(db, rows, known, terms)
    if lacking or known.parties != parties:
        alone = each_alone(rows, known, terms)
    decisions = without_repeated(db, alone)
    records, superseded = _bring_in(db, chunk, [one for one in decisions if one.code is OutcomeCode.RECORDED], now)
    tally = _store_outcomes(db, chunk, decisions, recipients)
    drop_rows(db, request.import_id, [one.row.row for one in decisions if one.code.outcome is not Outcome.FAILED])
    recorded = _recorded(chunk, records)
    catalogue.record_unrecorded(db, made, chunk.job.actor, now)
    _record(db, chunk, records, recorded, superseded, now)
    return Tally(succeeded=len(records)) + tally


def _bring_in(db: Session, chunk: Chunk, going: Sequence[Decision], now: datetime) -> tuple[list[Record], int]:
    """Insert the records, and supersede the licences that end before them. Returns them, and how many it were."""
    if not going:
        return [], 0
    held = counting(db, going)
    ids: list[uuid.UUID] = [uuid_utils.compat.uuid7() for _ in going]
    pairs = [_pair(one) for one in going]
    latest = dict(held)
    for licence_id, pair, one in zip(ids, pairs, going, strict=True):
        assert one.dated is not None
        ends, other = one.dated.expires_at, latest.get(pair)
        if other is None or ends > other[1]:
            latest[pair] = licence_id, ends
    former = {pair: held[pair][0] for pair in held if latest[pair] != held[pair]}
    _supersede(db, former.values(), now)
    codes = secrets.token_hex(len(going) * CODE_DIGITS // 2).upper()
    records = []
    for n, (licence_id, pair, one) in enumerate(zip(ids, pairs, going, strict=True)):
        by = latest[pair][0]
        superseded = (None, by, now) if by is not licence_id else (former.get(pair), None, None)
        records.append(_record_of(licence_id, one, superseded, codes[n * CODE_DIGITS : (n + 1) * CODE_DIGITS]))
    actor = {"actor_type": chunk.job.submitted_by_type, "actor_id": chunk.job.submitted_by_id}
    columns = zip(_COLUMNS, zip(*records, strict=True), strict=True)
    of_job = {"org": chunk.job.org_id, "job": chunk.job.id, "now": now, **actor}
    db.execute(_INSERT, of_job | {name: written(each) for name, each in columns})
    return records, len(former)


def _supersede(db: Session, ids: Collection[uuid.UUID], now: datetime) -> None:
    if ids:
        of = update(Licence).where(has_id(current_org(db), sorted(ids)))
        values: dict[Any, Any] = {Licence.superseded_at: now, Licence.revision: Licence.revision + 1}
        db.execute(of.values(values), execution_options={"synchronize_session": False})


def _pair(one: Decision) -> tuple[str, uuid.UUID]:
    assert one.course_id is not None
    return one.row.party_id, one.course_id


def _record_of(licence_id: uuid.UUID, one: Decision, superseded: Superseded, code: str) -> Record:
    row = one.row
    assert one.course_id is not None
    assert one.course_version_id is not None
    assert one.dated is not None
    assert row.completed_on is not None
    valid_from, expires_at, rule, months, counted_from, ends = one.dated
    return Record(
        licence_id,
        row.party_id,
        one.course_id,
        one.course_version_id,
        valid_from,
        expires_at,
        rule,
        months,
        counted_from,
        ends,
        *superseded,
        code,
        row.number or "",
        row.row,
        row.line,
        row.completed_on,
        row.issuer,
        row.note,
    )


def _store_outcomes(db: Session, chunk: Chunk, decisions: Sequence[Decision], recipients: Mapping[int, str]) -> Tally:
    """Store the outcomes of the rows that did not go in. Those that did show it by their records."""
    rows = [
        {
            "entity_id": recipients[one.row.row],
            "outcome": one.code.outcome,
            "code": one.code,
            "record_id": one.licence_id,
            "detail": one.detail,
        }
        for one in decisions
        if one.code is not OutcomeCode.RECORDED
    ]
    if not rows:
        return Tally()
    known = {"org": chunk.job.org_id, "job": chunk.job.id, "rows": orjson.dumps(rows).decode()}
    return store_outcomes(db, OUTCOMES.bindparams(**known), detailed=True)


def _recorded(chunk: Chunk, records: Iterable[Record]) -> bytes:
    """Returns the data of the events `licence.recorded`, as one JSON array."""
    job_id = chunk.job.id
    data: list[dict[str, Any]] = []
    for one in records:
        said = {
            "jobId": job_id,
            "courseId": one.course_id,
            "courseVersionId": one.course_version_id,
            "completedOn": one.completed_on,
            "validFrom": one.valid_from,
            "expiresAt": one.expires_at,
        }
        if one.renews_id is not None:
            said["renews"] = one.renews_id
        if one.superseded_by_id is not None:
            said["supersededBy"] = one.superseded_by_id
        data.append(said)
    return orjson.dumps(data)


def _record(
    db: Session, chunk: Chunk, records: Sequence[Record], recorded: bytes, superseded: int, now: datetime
) -> None:
    """Record `licence.recorded` for each record, and `licence.superseded` for what was superseded by one."""
    org_id, actor, ids = current_org(db), chunk.job.actor, [one.id for one in records]
    said = {"ids": written(ids), "parties": written(one.party_id for one in records), "data": recorded.decode()}
    of = _RECORDED.bindparams(**said)
    events.record_each(db, actor, now, type="licence.recorded", count=len(ids), of=of, data={})
    if superseded:
        by = superseded_by(has_id(org_id, ids), Licence.renews_id.is_not(None))
        events.record_each(db, actor, now, type="licence.superseded", count=superseded, of=by, data={})
