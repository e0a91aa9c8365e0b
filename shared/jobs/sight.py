"""The part of a job that a caller limited to folders sees: the recipients whose parties are in these folders.

A job is visible to the caller that submitted it, and to a caller in whose folders at least one recipient is. The caller
that submitted it also sees the recipients that were not found. In a job of a caller limited to folders these are ids
that it gave itself, and an id outside the folders must look like an unknown one.

Every statement here costs a fixed time for each recipient, whatever the statistics of the tables are: `inside` is a
hash table built once, and the outcome of a recipient is read by its key.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.errors import NotFound, OutOfScope
from shared.events import Actor
from shared.jobs.models import ChunkState, Job, JobChunk, JobOutcome, Outcome
from shared.jobs.outcomes import OutcomeCode

Condition = Callable[[Any], ColumnElement[bool]]

Seen = Row[Job, list[int], bool]
"""A job with the counts of the recipients that a caller sees, in the order of `COUNTED`, and True if it sees all."""

COUNTED = ("total", "unchanged", "failed", "cancelled", "pending")

NOT_FOUND = (
    OutcomeCode.PARTY_NOT_FOUND,
    OutcomeCode.ASSIGNMENT_NOT_FOUND,
    OutcomeCode.LICENCE_NOT_FOUND,
    OutcomeCode.OUT_OF_SCOPE,
    OutcomeCode.INVALID_ROW,
)
HIDDEN = {"assignment": OutcomeCode.ASSIGNMENT_NOT_FOUND, "licence": OutcomeCode.LICENCE_NOT_FOUND}
"""The code of an unknown recipient, by the noun of the recipients where that is not the party."""

NOT_PROCESSED = (ChunkState.PENDING, ChunkState.CANCELLED)


@dataclass(frozen=True)
class Sight:
    """The jobs and recipients that a caller limited to folders sees.

    actor: the caller. inside, known: the conditions that the party of this id is in the folders, and that it exists.
    """

    actor: Actor
    inside: Condition
    known: Condition

    def is_own(self, job: Job) -> bool:
        """True if the caller submitted the job."""
        return job.actor == self.actor


def list_seen(rows: Select[Job], sight: Sight) -> Select[Job, list[int], bool]:
    """Narrow a select of jobs to the visible ones, and add what the caller sees of each: rows as `Seen`.

    The counts are computed for the rows of a page only; a job that is passed over costs its recipients.
    """
    return _with_counts(rows, sight).where(or_(_own(sight), _partly_inside(sight)))


def get_seen(db: Session, job_id: uuid.UUID, sight: Sight, *, hidden: bool = False) -> Seen:
    """Return one job with what the caller sees of it. Raises NotFound for a job that it does not see, unless `hidden`.

    hidden: return such a job too, of which the caller sees nothing but that it exists.
    """
    one = select(Job).where(Job.org_id == current_org(db), Job.id == job_id)
    rows = _with_counts(one, sight) if hidden else list_seen(one, sight)
    row = db.execute(rows.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound("job")
    return row


def need_whole(db: Session, job_id: uuid.UUID, sight: Sight) -> None:
    """Raise NotFound for a job that the caller does not see, OutOfScope for one of which it sees only a part."""
    if not get_seen(db, job_id, sight)[2]:
        raise OutOfScope("job")


def seen_counts(counted: list[int]) -> dict[str, int]:
    """Return the counts of a `Seen` by their names. Whoever is counted nowhere else has succeeded."""
    found = dict(zip(COUNTED, counted, strict=True))
    others = sum(found[name] for name in COUNTED[1:])
    return found | {"succeeded": found["total"] - others}


def seen_results(rows: Select[*tuple[Any, ...]], job: Job, sight: Sight) -> Select[*tuple[Any, ...]]:
    """Narrow the results of a job to the recipients that the caller sees.

    rows: as of `list_results`, in which an assignment or a licence inside the folders is replaced by its party.
    """
    entity_id, outcome, code, record_id, detail = rows.selected_columns
    of_rows = job.request.get("by") == "record"
    inside = sight.inside(func.split_part(entity_id, " ", 1) if of_rows else entity_id)
    lost = code.in_(NOT_FOUND)
    given = code.in_((OutcomeCode.PENDING, OutcomeCode.CANCELLED)) if job.scope is not None else false()
    seen = or_(inside, lost, given) if sight.is_own(job) else inside
    hidden = HIDDEN.get(job.request.get("by", ""), OutcomeCode.PARTY_NOT_FOUND)
    return rows.where(seen).with_only_columns(
        entity_id,
        outcome,
        case((code == OutcomeCode.OUT_OF_SCOPE, literal(hidden, Text)), else_=code).label("code"),
        case((inside, record_id), else_=cast(null(), Uuid)).label("record_id"),
        case((inside, detail), else_=cast(null(), Text)).label("detail"),
    )


def explained_results(
    rows: Select[*tuple[Any, ...]], present_id: Callable[[Any], ColumnElement[str | None]]
) -> Select[*tuple[Any, ...]]:
    """Say of each recipient that was not found, and whose id is a former one, which id its party has now.

    present_id: the present id for a former one, null for any other, as an expression. Only for callers who see all.
    """
    entity_id, outcome, code, record_id, detail = rows.selected_columns
    lost = code == OutcomeCode.PARTY_NOT_FOUND
    now = case((lost, present_id(func.split_part(entity_id, " ", 1))))
    return rows.with_only_columns(
        entity_id,
        outcome,
        case((now.is_not(None), literal(OutcomeCode.PARTY_RENUMBERED, Text)), else_=code).label("code"),
        record_id,
        func.coalesce(detail, literal("Its id is ") + now + literal(" now; name that one.")).label("detail"),
    )


def _with_counts(rows: Select[Job], sight: Sight) -> Select[Job, list[int], bool]:
    return rows.add_columns(_counts(sight), _whole(sight))


def _partly_inside(sight: Sight) -> ColumnElement[bool]:
    """The condition that a recipient is in the folders. `OFFSET 0` keeps it a search that ends with the first one."""
    each = _each(sight)
    return select(true()).select_from(each).where(each.c.inside).correlate(Job).offset(0).exists()


def _own(sight: Sight) -> ColumnElement[bool]:
    return and_(Job.submitted_by_type == sight.actor.type, Job.submitted_by_id == sight.actor.id)


def _each(sight: Sight, *, code_where: Callable[[ColumnElement[bool]], ColumnElement[bool]] | None = None) -> Any:
    """The recipients of a job as rows: `state` of the chunk, `party_id`, `inside`, and `stored` where it is needed.

    stored: the code and the outcome of a recipient, null if it succeeded or is not processed.
    code_where: the condition, made of `inside`, of the recipients whose stored outcome is read; None for no one.
    `OFFSET 0` keeps PostgreSQL from computing `inside` again for each use.
    """
    one = (
        func.unnest(JobChunk.recipients, func.coalesce(JobChunk.party_ids, JobChunk.recipients))
        .table_valued(column("entity_id", Text), column("party_id", Text))
        .render_derived("one")
    )
    inside = sight.inside(one.c.party_id)
    columns: list[Any] = [JobChunk.state, one.c.party_id, inside.label("inside")]
    if code_where is not None:
        stored = and_(JobChunk.state == ChunkState.DONE, Job.unchanged + Job.failed > 0, code_where(inside))
        columns.append(case((stored, _stored(one))).label("stored"))
    return (
        select(*columns)
        .select_from(JobChunk)
        .join(one, true())
        .where(JobChunk.org_id == Job.org_id, JobChunk.job_id == Job.id, JobChunk.state != ChunkState.SPLIT)
        .correlate(Job)
        .offset(0)
        .subquery("each")
    )


def _stored(one: Any) -> Any:
    """The stored code and outcome of a recipient, as an array, read by its key."""
    key = JobOutcome.org_id == JobChunk.org_id, JobOutcome.job_id == JobChunk.job_id
    of_one = select(array([JobOutcome.code, JobOutcome.outcome])).where(*key, JobOutcome.entity_id == one.c.entity_id)
    return of_one.correlate(JobChunk, one).scalar_subquery()


def _given(each: Any, sight: Sight) -> ColumnElement[bool]:
    """The condition that the caller gave this id itself, as far as is known: it was not found, or is not processed."""
    not_processed = and_(each.c.state.in_(NOT_PROCESSED), Job.scope.is_not(None))
    return and_(_own(sight), or_(func.coalesce(each.c.stored[1].in_(NOT_FOUND), false()), not_processed))


def _counts(sight: Sight) -> ColumnElement[list[int]]:
    """The counts of `Seen`. Those of a job that is all inside are its own, so that no outcome has to be read."""
    every = _each(sight)
    all_inside = select(func.count()).select_from(every).where(every.c.inside).correlate(Job).scalar_subquery()
    own = array([getattr(Job, name) for name in COUNTED])
    return case((all_inside == Job.total, own), else_=_counts_of_part(sight)).label("counted")


def _counts_of_part(sight: Sight) -> Any:
    each = _each(sight, code_where=lambda inside: or_(_own(sight), inside))
    numbers = array(
        [
            func.count(),
            func.count().filter(each.c.stored[2] == Outcome.UNCHANGED),
            func.count().filter(each.c.stored[2] == Outcome.FAILED),
            func.count().filter(each.c.state == ChunkState.CANCELLED),
            func.count().filter(each.c.state == ChunkState.PENDING),
        ]
    )
    seen = or_(each.c.inside, _given(each, sight))
    return select(numbers).select_from(each).where(seen).correlate(Job).scalar_subquery()


def _whole(sight: Sight) -> ColumnElement[bool]:
    """The condition that no recipient is outside the folders. Recipients that were never found do not count."""
    each = _each(sight, code_where=not_)
    lost = or_(func.coalesce(each.c.stored[1].in_(NOT_FOUND), false()), not_(sight.known(each.c.party_id)))
    outside = and_(not_(each.c.inside), not_(_given(each, sight)), not_(lost))
    found = select(true()).select_from(each).where(outside).correlate(Job).offset(0).exists()
    return not_(found).label("whole")
