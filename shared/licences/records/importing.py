"""The work of a chunk of an import: any number of rows in the same fixed number of statements.

Of a party's licences of a course the one that ends last counts, whatever the order in which they came. So a record that
ends before the licence that counts is inserted as superseded, and says by which one.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
import uuid_utils.compat
from sqlalchemy import Select, Text, Uuid, func, select, text, update
from sqlalchemy.orm import Session

from shared import access, catalogue, directory, events
from shared.arrays import is_one_of
from shared.catalogue import PastVersion
from shared.database import current_org
from shared.directory import Party
from shared.jobs import Chunk, Outcome, OutcomeCode, Tally, store_outcomes
from shared.licences.models import Licence
from shared.licences.queries import has_id, subject
from shared.licences.recording import superseded_by
from shared.licences.records.deciding import (
    Decision,
    Known,
    Terms,
    counting,
    courses_without_version,
    decide,
    know,
    know_parties,
    know_versions,
)
from shared.licences.records.reading import ReadRow
from shared.licences.records.schemas import RecordsJob
from shared.licences.records.storing import drop_rows, row_of, stored_rows

_INSERT = text("""
    INSERT INTO licence (org_id, id, party_id, course_id, course_version_id, job_id, granted_by_type, granted_by_id,
        granted_at, valid_from, expires_at, months, rule, counted_from, ends, renews_id, superseded_at,
        superseded_by_id, record_key, record_row, record_line, completed_on, issuer, note)
    SELECT :org, id, party_id, course_id, course_version_id, :job, :actor_type, :actor_id, :now, valid_from, expires_at,
        months, rule, counted_from, ends, renews_id, CASE WHEN superseded_by_id IS NOT NULL THEN :now END,
        superseded_by_id, record_key, record_row, record_line, completed_on, issuer, note
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS made (id uuid, party_id text, course_id uuid,
        course_version_id uuid, valid_from timestamptz, expires_at timestamptz, months integer, rule text,
        counted_from timestamptz, ends text, renews_id uuid, superseded_by_id uuid, record_key text,
        record_row integer, record_line integer, completed_on date, issuer text, note text)""")

OUTCOMES = text("""
    SELECT cast(:org AS text) AS org_id, cast(:job AS uuid) AS job_id, entity_id, outcome, code, record_id, detail
    FROM jsonb_to_recordset(cast(:rows AS jsonb)) AS made (entity_id text, outcome text, code text, record_id uuid,
        detail text)""").columns(
    org_id=Text, job_id=Uuid, entity_id=Text, outcome=Text, code=Text, record_id=Uuid, detail=Text
)
"""The outcomes of rows as rows of `JobOutcome`, from one parameter."""

Pair = tuple[str, uuid.UUID]


def import_chunk(db: Session, chunk: Chunk, request: RecordsJob, now: datetime) -> Tally:
    """Bring in the records of a chunk's rows, and store the outcomes of the others.

    Courses are locked before parties, and events are recorded last: see docs/locks.md.
    """
    recipients = {row_of(one): one for one in db.scalars(chunk.recipients)}
    rows = stored_rows(db, request.import_id, sorted(recipients))
    terms = Terms(access.get_organization(db).time_zone, chunk.job.folders, now)
    known = know(db, rows, terms)
    made = _add_versions(db, rows, known, terms)
    directory.lock_parties(db, is_one_of(Party.id, sorted(known.parties)))
    know_parties(db, rows, known, terms)
    decisions = decide(db, rows, known, terms)
    going = [one for one in decisions if one.code is OutcomeCode.RECORDED]
    ids, superseded = _bring_in(db, chunk, going, now)
    tally = _store_outcomes(db, chunk, decisions, recipients)
    drop_rows(db, request.import_id, [one.row.row for one in decisions if one.code.outcome is not Outcome.FAILED])
    catalogue.record_unrecorded(db, made, chunk.job.actor, now)
    _record(db, chunk, ids, superseded, now)
    return Tally(succeeded=len(going)) + tally


def _add_versions(db: Session, rows: Sequence[ReadRow], known: Known, terms: Terms) -> list[PastVersion]:
    """Make the versions `unrecorded` that these rows need. Returns those that this transaction made."""
    lacking = courses_without_version(rows, known, terms)
    if not lacking:
        return []
    made = catalogue.add_unrecorded(db, lacking, terms.now)
    know_versions(db, known)
    return made


def _bring_in(db: Session, chunk: Chunk, going: Sequence[Decision], now: datetime) -> tuple[list[uuid.UUID], int]:
    """Insert the records, and supersede the licences that end before them. Returns their ids, and how many it were."""
    if not going:
        return [], 0
    held = counting(db, going)
    ids: list[uuid.UUID] = [uuid_utils.compat.uuid7() for _ in going]
    latest: dict[Pair, tuple[uuid.UUID, datetime]] = dict(held)
    for licence_id, one in zip(ids, going, strict=True):
        pair, ends = _ends(one)
        if pair not in latest or ends > latest[pair][1]:
            latest[pair] = licence_id, ends
    former = {pair: held[pair][0] for pair in held if latest[pair] != held[pair]}
    db.execute(
        update(Licence)
        .where(has_id(current_org(db), sorted(former.values())))
        .values({Licence.superseded_at: now, Licence.revision: Licence.revision + 1})
        .execution_options(synchronize_session=False)
    )
    rows = [_values(licence_id, one, latest, former) for licence_id, one in zip(ids, going, strict=True)]
    actor = {"actor_type": chunk.job.submitted_by_type, "actor_id": chunk.job.submitted_by_id}
    of_job = {"org": chunk.job.org_id, "job": chunk.job.id, "now": now, **actor}
    db.execute(_INSERT, of_job | {"rows": orjson.dumps(rows).decode()})
    return ids, len(former)


def _ends(one: Decision) -> tuple[Pair, datetime]:
    assert one.course_id is not None
    assert one.dated is not None
    return (one.row.party_id, one.course_id), one.dated.expires_at


def _values(
    licence_id: uuid.UUID,
    one: Decision,
    latest: Mapping[Pair, tuple[uuid.UUID, datetime]],
    former: Mapping[Pair, uuid.UUID],
) -> dict[str, Any]:
    pair, _ = _ends(one)
    counts = latest[pair][0] == licence_id
    assert one.dated is not None
    return {
        **asdict(one.dated),
        "id": licence_id,
        "party_id": one.row.party_id,
        "course_id": one.course_id,
        "course_version_id": one.course_version_id,
        "renews_id": former.get(pair) if counts else None,
        "superseded_by_id": None if counts else latest[pair][0],
        "record_key": one.row.number or "",
        "record_row": one.row.row,
        "record_line": one.row.line,
        "completed_on": one.row.completed_on,
        "issuer": one.row.issuer,
        "note": one.row.note,
    }


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


def _record(db: Session, chunk: Chunk, ids: Sequence[uuid.UUID], superseded: int, now: datetime) -> None:
    """Record `licence.recorded` for each record, and `licence.superseded` for what was superseded by one."""
    org_id, actor = current_org(db), chunk.job.actor
    about = func.jsonb_strip_nulls(
        func.jsonb_build_object(
            "courseId",
            Licence.course_id,
            "courseVersionId",
            Licence.course_version_id,
            "completedOn",
            Licence.completed_on,
            "validFrom",
            Licence.valid_from,
            "expiresAt",
            Licence.expires_at,
            "renews",
            Licence.renews_id,
            "supersededBy",
            Licence.superseded_by_id,
        )
    )
    each: Select[*tuple[Any, ...]] = select(subject(Licence.id), Licence.party_id, about.label("data"))
    data = {"jobId": str(chunk.job.id)}
    of = each.where(has_id(org_id, ids))
    events.record_each(db, actor, now, type="licence.recorded", count=len(ids), of=of, data=data)
    of = superseded_by(has_id(org_id, ids), Licence.renews_id.is_not(None))
    events.record_each(db, actor, now, type="licence.superseded", count=superseded, of=of, data={})
