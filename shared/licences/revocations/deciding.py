"""The decision about each licence of a bulk revocation, or of its undo: previews count it, and chunks carry it out.

The rows are read first, and the decision is made in Python: a statement that joined them with the recipients could get
a plan of quadratic cost while PostgreSQL has no statistics of the organization.
"""

import uuid
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import is_one_of
from shared.database import current_org
from shared.directory import Party
from shared.jobs import Chunk, Foreseen, Job, JobOutcome, Outcome, OutcomeCode
from shared.licences.models import Licence
from shared.licences.queries import HAS_BEEN, Filters, conditions, has_id

Found = Mapping[uuid.UUID, Any]
"""Licences by id: rows of `FIELDS` and `in_scope`."""

Codes = dict[uuid.UUID, OutcomeCode]

FIELDS = (
    Licence.id,
    Licence.party_id,
    Licence.course_id,
    Licence.session_id,
    Licence.assignment_id,
    Licence.record_key,
    Licence.renews_id,
    Licence.superseded_by_id,
    Licence.superseded_at,
    Licence.revoked_at,
    Licence.revoked_by_type,
    Licence.revoked_by_id,
)


def select_recipients(
    db: Session, filters: Filters, scope: Collection[str] | None, *, without: Collection[uuid.UUID] = ()
) -> Select[str]:
    """Select the ids of the matching licences, as a job's recipients; if no state is given, of the unrevoked ones.

    without: ids that are left out.
    """
    of_org = Licence.org_id == current_org(db), HAS_BEEN, directory.in_scope(Licence.party_id, scope)
    rows = select(cast(Licence.id, Text)).where(*of_org, *conditions(filters))
    if without:
        rows = rows.where(~is_one_of(Licence.id, without))
    return rows if filters.state is not None else rows.where(Licence.revoked_at.is_(None))


def revoked_by(job: Job) -> Select[str]:
    """Select the ids of the licences that a job revoked, as recipients of another job."""
    return select(JobOutcome.entity_id).where(
        JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id, JobOutcome.outcome == Outcome.SUCCEEDED
    )


def ids_of(db: Session, chunk: Chunk) -> list[uuid.UUID]:
    """Return the ids of a chunk's licences, in order."""
    return [uuid.UUID(entity_id) for entity_id in db.scalars(chunk.recipients)]


def find(db: Session, ids: Collection[uuid.UUID], scope: Collection[str] | None, *, lock: bool) -> Found:
    """Read these licences; if asked, lock their parties first, and then the licences by id: see docs/locks.md."""
    of_ids = has_id(current_org(db), ids)
    if lock:
        holders = sorted(set(db.scalars(select(Licence.party_id).where(of_ids))))
        directory.lock_parties(db, is_one_of(Party.id, holders))
    rows = select(*FIELDS, directory.in_scope(Licence.party_id, scope).label("in_scope"))
    rows = rows.where(of_ids, HAS_BEEN).order_by(Licence.id)
    if lock:
        rows = rows.with_for_update(of=Licence, key_share=True)
    return {row.id: row for row in db.execute(rows)}


def decide(ids: Collection[uuid.UUID], found: Found) -> Codes:
    """Return the outcome code of each licence that is to be revoked. Any that is not revoked may be."""
    codes = dict.fromkeys(ids, OutcomeCode.LICENCE_NOT_FOUND)
    for one, row in found.items():
        if row.in_scope:
            codes[one] = OutcomeCode.REVOKED if row.revoked_at is None else OutcomeCode.ALREADY_REVOKED
    return codes


def foresee_revoking(db: Session, ids: Collection[uuid.UUID], scope: Collection[str] | None) -> Foreseen:
    """Return what a revocation would do to each of these licences now, with its party where the caller may see it."""
    found = find(db, ids, scope, lock=False)
    seen = {one: row.party_id for one, row in found.items() if row.in_scope}
    return [(seen.get(one, str(one)), code) for one, code in decide(ids, found).items()]


def held_with(db: Session, found: Found) -> Sequence[Any]:
    """Read all licences of the parties of these ones, of every course: so any plan uses the index by party."""
    parties = sorted({row.party_id for row in found.values()})
    theirs = Licence.org_id == current_org(db), is_one_of(Licence.party_id, parties)
    return db.execute(select(*FIELDS).where(*theirs)).all()


def decide_again(ids: Collection[uuid.UUID], found: Found, held: Sequence[Any]) -> Codes:
    """Return the outcome code of each licence that is to be granted again.

    held: as of `held_with`. One stays as it is if its party has been licensed since: by another licence of the course
    that counts, or by one of the same session or assignment.
    """
    taken = {place for row in held if row.revoked_at is None for place in _places(row)}
    codes: Codes = {}
    for one in ids:
        row = found.get(one)
        codes[one] = OutcomeCode.TOUCHED_SINCE
        if row is not None and not row.in_scope:
            codes[one] = OutcomeCode.OUT_OF_SCOPE
        elif row is not None and row.revoked_at is not None and taken.isdisjoint(_places(row)):
            codes[one] = OutcomeCode.LICENCE_GRANTED
            taken.update(_places(row))
    return codes


def _places(row: Any) -> Iterator[Hashable]:
    """Yields the places that only one unrevoked licence can have: see the unique indexes of `licence`."""
    if row.superseded_at is None:
        yield row.party_id, row.course_id
    if row.session_id is not None:
        yield row.party_id, "session", row.session_id
    if row.assignment_id is not None:
        yield "assignment", row.assignment_id
