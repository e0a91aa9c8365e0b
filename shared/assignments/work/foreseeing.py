"""Foreseeing what a completion, or the undo of a job, would do to each assignment now.

It decides by the functions and conditions of the work, and locks nothing.
"""

import uuid

from sqlalchemy import ColumnElement, Text, case, literal, select
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import is_one_of
from shared.assignments.deciding import decide, find
from shared.assignments.models import Assignment
from shared.assignments.queries import completed_by
from shared.assignments.requests import CompleteJob
from shared.assignments.work.changing import UNTOUCHED, still_completed_by
from shared.assignments.work.targets import find_targets
from shared.assignments.work.undoing import decide_putting_back
from shared.database import current_org
from shared.directory import Party
from shared.jobs import Chunk, Foreseen, Job, OutcomeCode


def foresee_completion(db: Session, chunk: Chunk, request: CompleteJob) -> Foreseen:
    """Return the code of each recipient of a completion, with its party where it has an assignment."""
    targets = find_targets(db, chunk, request)
    ids = [one for one in targets.by_recipient.values() if one is not None]
    found = find(db, ids, chunk.job.folders, lock=False)
    codes = decide(db, request, ids, found)
    unassigned = [one for one, target in targets.by_recipient.items() if target is None]
    return [
        *((found[one].party_id if one in found and found[one].in_scope else str(one), codes[one]) for one in ids),
        *((party_id, OutcomeCode.SEVERAL_OPEN_VERSIONS) for party_id in targets.several),
        *_without(db, chunk, unassigned),
    ]


def _without(db: Session, chunk: Chunk, party_ids: list[str]) -> Foreseen:
    """Return the codes of parties without an assignment: there may be no such party."""
    mine = Party.org_id == current_org(db), is_one_of(Party.id, party_ids)
    known = set(db.scalars(select(Party.id).where(*mine, directory.in_scope(Party.id, chunk.job.folders))))
    codes = {True: OutcomeCode.NOT_ASSIGNED, False: OutcomeCode.PARTY_NOT_FOUND}
    return [(one, codes[one in known]) for one in party_ids]


def foresee_closing_created(db: Session, job: Job) -> Foreseen:
    """Return what the undo of a job that made assignments would do to each."""
    return _foresee(db, Assignment.job_id == job.id, UNTOUCHED, OutcomeCode.CLOSED)


def foresee_reopening_completed(db: Session, job: Job) -> Foreseen:
    """Return what the undo of a job that completed assignments would do to each."""
    ids = [uuid.UUID(one) for one in db.scalars(completed_by(job))]
    return _foresee(db, is_one_of(Assignment.id, ids), still_completed_by(job.id), OutcomeCode.REOPENED)


def foresee_putting_back(db: Session, job: Job) -> Foreseen:
    """Return what the undo of a job that closed, changed, moved or reopened assignments would do to each."""
    ids = [uuid.UUID(one) for one in db.scalars(completed_by(job))]
    decided = decide_putting_back(db, job.id, ids, None, lock=False)
    found = decided.found
    return [(found[one].party_id if one in found else str(one), code) for one, code in decided.codes.items()]


def _foresee(db: Session, which: ColumnElement[bool], may: ColumnElement[bool], code: OutcomeCode) -> Foreseen:
    """Return the code for those that may be changed, and for the others that they were touched since."""
    codes = case((may, literal(code, Text)), else_=literal(OutcomeCode.TOUCHED_SINCE, Text))
    rows = select(Assignment.party_id, codes).where(Assignment.org_id == current_org(db), which)
    return [(party_id, OutcomeCode(one)) for party_id, one in db.execute(rows.order_by(Assignment.id))]
