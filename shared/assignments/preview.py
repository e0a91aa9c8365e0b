"""The outcome that a submission would have for each recipient: for the preview, and for the recipients of a job that
got no assignment.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Uuid, all_, and_, case, cast, false, func, literal, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from shared import directory
from shared.arrays import texts
from shared.assignments.models import Assignment, AssignmentState
from shared.assignments.requests import CreateJob
from shared.database import current_org
from shared.directory import Party
from shared.jobs import Outcome, OutcomeCode


@dataclass(frozen=True)
class Terms:
    """The terms of a submission.

    skip_completed: assign nothing to a party that has completed the version. licensed: the parties, as one column, to
    which nothing is assigned because they hold a licence; None: that does not matter. scope: folders whose
    parties may be assigned to, None for the whole organization. named: the recipients that the caller named by id, None
    for all; the others came with a folder.
    """

    course_id: uuid.UUID
    course_version_id: uuid.UUID
    reason: str
    due_on: date | None
    skip_completed: bool
    scope: frozenset[str] | None
    named: Collection[str] | None
    """The parties that fail if they are inactive, because they were named by id and are not members of a folder alone.
    None: all."""
    licensed: Select[str] | None = None

    @classmethod
    def of(cls, request: CreateJob, scope: frozenset[str] | None, licensed: Select[str] | None = None) -> "Terms":
        """The terms that were fixed when a job was submitted."""
        return cls(
            course_id=request.course_id,
            course_version_id=request.course_version_id,
            reason=request.reason,
            due_on=request.due_on,
            skip_completed=request.if_completed == "skip",
            scope=scope,
            licensed=licensed,
            named=request.named_inactive if request.folder_ids else None,
        )


def count_outcomes(db: Session, recipients: Select[Any], terms: Terms, examples: int = 20) -> list[Any]:
    """Count the recipients by the outcome that a submission would have now.

    Returns rows of (outcome, code, count, examples), the largest count first. examples: upper bound of ids in a row.
    """
    each = classify_recipients(current_org(db), recipients, terms).subquery()
    placed = select(
        each.c.entity_id,
        each.c.outcome,
        each.c.code,
        func.row_number().over(partition_by=(each.c.outcome, each.c.code), order_by=each.c.entity_id).label("place"),
    ).subquery()
    shown = func.array_agg(aggregate_order_by(placed.c.entity_id, placed.c.entity_id)).filter(
        placed.c.place <= examples
    )
    rows = select(placed.c.outcome, placed.c.code, func.count().label("count"), shown.label("examples"))
    return list(db.execute(rows.group_by(placed.c.outcome, placed.c.code).order_by(func.count().desc(), placed.c.code)))


def classify_recipients(org_id: str, recipients: Select[Any], terms: Terms) -> Select[Any]:
    """Select the outcome that a submission would have now for each recipient: `entity_id, outcome, code, record_id`."""
    rows = _find_code(org_id, recipients, terms).subquery()
    code = rows.c.code
    outcomes: list[Any] = [(code == one, one.outcome) for one in OutcomeCode]
    if terms.named is not None:
        by_folder = and_(code == OutcomeCode.PARTY_INACTIVE, rows.c.entity_id != all_(texts(terms.named)))
        outcomes.insert(0, (by_folder, Outcome.UNCHANGED))
    outcome = case(*outcomes, else_=None)
    keeps_record = code.in_((OutcomeCode.ALREADY_ASSIGNED, OutcomeCode.ALREADY_COMPLETED))
    return select(
        rows.c.entity_id,
        outcome.label("outcome"),
        code,
        case((keeps_record, rows.c.record_id), else_=cast(null(), Uuid)).label("record_id"),
    )


def completed_assignments(terms: Terms, party_id: SQLColumnExpression[str]) -> Select[Any]:
    """Select the ids of the party's completed assignments of the version.

    The state is an expression, so that no index of states is used: until PostgreSQL has seen that assignments were
    completed, it expects to find none there, and would read all of them for each party.
    """
    return select(Assignment.id).where(
        Assignment.org_id == func.current_setting("rollcall.org"),
        Assignment.party_id == party_id,
        Assignment.course_version_id == terms.course_version_id,
        func.concat(Assignment.state) == AssignmentState.COMPLETED,
    )


def _find_code(org_id: str, recipients: Select[Any], terms: Terms) -> Select[Any]:
    """Select the code of each recipient, and its open or else completed assignment: `entity_id, code, record_id`."""
    each = recipients.subquery()
    (entity_id,) = each.c
    open_one = aliased(Assignment)
    completed_one = completed_assignments(terms, entity_id).limit(1).lateral()
    already_completed = completed_one.c.id.is_not(None) if terms.skip_completed else literal(False)
    code = case(
        (Party.id.is_(None) | ~directory.in_scope(Party.id, terms.scope), OutcomeCode.PARTY_NOT_FOUND),
        (~Party.active, OutcomeCode.PARTY_INACTIVE),
        (open_one.id.is_not(None), OutcomeCode.ALREADY_ASSIGNED),
        (already_completed, OutcomeCode.ALREADY_COMPLETED),
        (false() if terms.licensed is None else entity_id.in_(terms.licensed), OutcomeCode.ALREADY_LICENSED),
        else_=OutcomeCode.CREATED,
    )
    is_open = and_(
        open_one.org_id == org_id,
        open_one.course_version_id == terms.course_version_id,
        open_one.party_id == entity_id,
        open_one.state == AssignmentState.ASSIGNED,
    )
    record_id = case((open_one.id.is_not(None), open_one.id), else_=completed_one.c.id)
    return (
        select(entity_id.label("entity_id"), code.label("code"), record_id.label("record_id"))
        .select_from(each)
        .outerjoin(Party, and_(Party.org_id == org_id, Party.id == entity_id))
        .outerjoin(open_one, is_open)
        .outerjoin(completed_one, already_completed)
    )
