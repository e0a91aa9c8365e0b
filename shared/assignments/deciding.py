"""The decision of a bulk act about each assignment: the preview counts it, and the job's chunk carries it out.

The rows are read first, and the decision is made in Python: a statement that joined them with the recipients could get
a plan of quadratic cost while PostgreSQL has no statistics of the organization.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import directory
from shared.arrays import is_one_of
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.queries import with_ids
from shared.assignments.requests import BulkJob, ChangeJob, CloseJob, CompleteJob, RemindJob, ReopenJob
from shared.catalogue import Course
from shared.database import current_org
from shared.directory import Party
from shared.jobs import JobRequest, Outcome, OutcomeCode

Found = Mapping[uuid.UUID, Any]
"""Assignments by id: rows of `FIELDS`, `in_scope` and `active` (of the party)."""

Decided = ChangeJob | CloseJob | CompleteJob | ReopenJob | RemindJob

Codes = dict[uuid.UUID, OutcomeCode]

FIELDS = (
    Assignment.id,
    Assignment.party_id,
    Assignment.course_id,
    Assignment.course_version_id,
    Assignment.state,
    Assignment.revision,
    Assignment.due_on,
    Assignment.reason,
)


def find(db: Session, ids: Collection[uuid.UUID], scope: Collection[str] | None, *, lock: bool) -> Found:
    """Read these assignments, and lock them by id if asked."""
    party = Party.org_id == Assignment.org_id, Party.id == Assignment.party_id
    rows = (
        select(
            *FIELDS,
            directory.in_scope(Assignment.party_id, scope).label("in_scope"),
            select(Party.active).where(*party).scalar_subquery().label("active"),
        )
        .where(*with_ids(current_org(db), ids))
        .order_by(Assignment.id)
    )
    if lock:
        rows = rows.with_for_update(of=Assignment)
    return {row.id: row for row in db.execute(rows)}


def decide(db: Session, request: Decided, ids: Collection[uuid.UUID], found: Found, today: date = date.max) -> Codes:
    """Return the outcome code of each assignment. today: the organization's day, for a request with due dates."""
    seen = {one: row for one in ids if (row := found.get(one)) is not None and row.in_scope}
    codes = dict.fromkeys(ids, OutcomeCode.ASSIGNMENT_NOT_FOUND)
    match request:
        case ChangeJob():
            return codes | _changing(db, request, seen)
        case ReopenJob():
            return codes | _reopening(db, request, seen, today)
        case CloseJob():
            return codes | {one: _ended_code(row) or OutcomeCode.CLOSED for one, row in seen.items()}
        case CompleteJob():
            return codes | {one: _completing(row) for one, row in seen.items()}
        case RemindJob():
            return codes | {one: _reminding(row) for one, row in seen.items()}


def _ended_code(row: Any) -> OutcomeCode | None:
    """The code of an assignment that has ended, None if it is open."""
    if row.state == AssignmentState.COMPLETED:
        return OutcomeCode.ALREADY_COMPLETED
    return OutcomeCode.ALREADY_CLOSED if row.state == AssignmentState.CLOSED else None


def _completing(row: Any) -> OutcomeCode:
    if row.state == AssignmentState.CLOSED:
        return OutcomeCode.ASSIGNMENT_CLOSED
    return _ended_code(row) or OutcomeCode.COMPLETED


def _reminding(row: Any) -> OutcomeCode:
    if code := _ended_code(row):
        return code
    return OutcomeCode.REMINDED if row.active else OutcomeCode.PARTY_INACTIVE


def _changing(db: Session, request: ChangeJob, found: Found) -> Codes:
    version_id, given = request.course_version_id, request.values.given()
    taken = open_pairs(db, found, [version_id]) if version_id is not None else set()
    codes: Codes = {}
    for one, row in sorted(found.items()):
        moves = version_id is not None and version_id != row.course_version_id
        differs = any(getattr(row, name) != value for name, value in given.items())
        if code := _ended_code(row):
            codes[one] = code
        elif moves and not row.active:
            codes[one] = OutcomeCode.PARTY_INACTIVE
        elif not moves and not differs:
            codes[one] = OutcomeCode.NOTHING_TO_CHANGE
        elif moves and (row.party_id, version_id) in taken:
            codes[one] = OutcomeCode.ALREADY_ASSIGNED
        else:
            codes[one] = OutcomeCode.CHANGED
            if version_id is not None and moves:
                taken.add((row.party_id, version_id))
    return codes


def _reopening(db: Session, request: ReopenJob, found: Found, today: date) -> Codes:
    """Ask of each assignment what a submission asks. Of several of a version the one that was made last is reopened."""
    courses = {row.course_id for row in found.values()}
    archived = set(
        db.scalars(
            select(Course.id).where(
                Course.org_id == current_org(db), is_one_of(Course.id, list(courses)), Course.archived_at.is_not(None)
            )
        )
    )
    taken = open_pairs(db, found, {row.course_version_id for row in found.values()})
    new_due = "due_on" in request.model_fields_set
    codes: Codes = {}
    for one, row in sorted(found.items(), reverse=True):
        due_on, pair = request.due_on if new_due else row.due_on, (row.party_id, row.course_version_id)
        if row.state == AssignmentState.ASSIGNED:
            codes[one] = OutcomeCode.ALREADY_OPEN
        elif not row.active:
            codes[one] = OutcomeCode.PARTY_INACTIVE
        elif row.course_id in archived:
            codes[one] = OutcomeCode.COURSE_ARCHIVED
        elif due_on is not None and due_on < today:
            codes[one] = OutcomeCode.DUE_DATE_PAST
        elif pair in taken:
            codes[one] = OutcomeCode.ALREADY_ASSIGNED
        else:
            codes[one] = OutcomeCode.REOPENED
            taken.add(pair)
    return codes


def open_pairs(db: Session, found: Found, version_ids: Collection[uuid.UUID]) -> set[tuple[str, uuid.UUID]]:
    """Return the parties of these assignments that have an open one of these versions: (party id, version id)."""
    rows = select(Assignment.party_id, Assignment.course_version_id).where(
        Assignment.org_id == current_org(db),
        is_one_of(Assignment.course_version_id, list(version_ids)),
        is_one_of(Assignment.party_id, sorted({row.party_id for row in found.values()})),
        Assignment.state == AssignmentState.ASSIGNED,
    )
    return {(row.party_id, row.course_version_id) for row in db.execute(rows)}


def outcome_of(request: JobRequest, code: OutcomeCode) -> Outcome:
    """Return the outcome of a code: `unchanged` for an inactive party that a job or a filter selected."""
    selected = isinstance(request, BulkJob) and not request.named
    return Outcome.UNCHANGED if selected and code == OutcomeCode.PARTY_INACTIVE else code.outcome


def count_codes(request: JobRequest, codes: Codes, found: Found, examples: int = 20) -> list[dict[str, Any]]:
    """Count a decision by code, the largest count first, each with the parties of up to `examples` assignments."""
    by_code: dict[OutcomeCode, list[uuid.UUID]] = defaultdict(list)
    for one, code in codes.items():
        by_code[code].append(one)
    return [
        {
            "outcome": outcome_of(request, code),
            "code": code,
            "count": len(ids),
            "examples": [found[one].party_id if one in found and found[one].in_scope else str(one) for one in ids][
                :examples
            ],
        }
        for code, ids in sorted(by_code.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
