"""Reading jobs, and the outcome of each of their recipients."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Label,
    Select,
    Text,
    Uuid,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.errors import NotFound
from shared.jobs.models import ChunkState, Job, JobChunk, JobOutcome, JobState, Outcome
from shared.jobs.outcomes import OutcomeCode


def get(db: Session, job_id: uuid.UUID, *, fresh: bool = False) -> Job:
    """Return one job. Raises NotFound. fresh: reload the row even if this transaction has read it before."""
    job = db.get(Job, (current_org(db), job_id), populate_existing=fresh)
    if job is None:
        raise NotFound("job")
    return job


def list_jobs(db: Session, *, state: JobState | None = None, kind: str | None = None) -> Select[Job]:
    """Select jobs, the newest first."""
    jobs = select(Job).where(Job.org_id == current_org(db))
    if state is not None:
        jobs = jobs.where(Job.state == state)
    if kind is not None:
        jobs = jobs.where(Job.kind == kind)
    return jobs.order_by(Job.id.desc())


def organizations_with_due_jobs(db: Session, quiet_since: datetime) -> list[str]:
    """Return the ids of organizations with an unfinished job without progress since. Runs without an organization."""
    return list(db.scalars(select(func.organizations_with_due_jobs(quiet_since))))


def organizations_in_turn(
    db: Session, window: int, now: datetime, claim_seconds: float, *, passing_over: Sequence[str] = (), most: int = 8
) -> list[str]:
    """Return the organizations that have a chunk to claim, in the order in which they are to be served.

    First those with the fewest chunks in progress, then those that were served longest ago. Runs without an
    organization. window: an organization with so many chunks in progress has no turn.
    """
    abandoned = now - timedelta(seconds=claim_seconds)
    passed = cast(list(passing_over), ARRAY(Text))
    return list(db.scalars(select(func.organizations_in_turn(window, now, abandoned, passed, most))))


def oldest_waiting(db: Session) -> datetime | None:
    """Return when the unfinished job that has waited longest last made progress. Runs without an organization."""
    return db.scalar(select(func.oldest_waiting_job()))


def counts(job: Job) -> dict[str, int]:
    """Return the counts of a job: total = succeeded + unchanged + failed + cancelled + pending."""
    return {name: getattr(job, name) for name in ("total", "succeeded", "unchanged", "failed", "cancelled", "pending")}


def list_results(
    job: Job, made: Select[str, str, uuid.UUID] | None, *, outcome: Outcome | None = None
) -> Select[*tuple[Any, ...]]:
    """Select every recipient of a job with its outcome, by id: rows of (entity_id, outcome, code, record_id, detail).

    detail: a sentence of the outcome's own, null where that of its code says everything.

    made: selects the records that the job made, as `entity_id, code, record_id`; None if it makes none. Other outcomes
    are stored, except those of cancelled and pending recipients, which are in the job's chunks.
    """
    columns = (JobOutcome.entity_id, JobOutcome.outcome, JobOutcome.code, JobOutcome.record_id, JobOutcome.detail)
    stored = select(*columns).where(JobOutcome.org_id == job.org_id, JobOutcome.job_id == job.id)
    parts: list[tuple[Outcome, Select[*tuple[Any, ...]]]] = [
        (Outcome.SUCCEEDED, stored.where(JobOutcome.outcome == Outcome.SUCCEEDED)),
        (Outcome.UNCHANGED, stored.where(JobOutcome.outcome == Outcome.UNCHANGED)),
        (Outcome.FAILED, stored.where(JobOutcome.outcome == Outcome.FAILED)),
        (Outcome.CANCELLED, _not_processed(job, ChunkState.CANCELLED, OutcomeCode.CANCELLED)),
        (Outcome.PENDING, _not_processed(job, ChunkState.PENDING, OutcomeCode.PENDING)),
    ]
    if made is not None:
        each = made.subquery()
        succeeded = select(
            each.c.entity_id, _text(Outcome.SUCCEEDED, "outcome"), each.c.code, each.c.record_id, _no_detail()
        )
        parts.append((Outcome.SUCCEEDED, succeeded))
    rows = union_all(*(part for its_outcome, part in parts if outcome in (None, its_outcome))).subquery("results")
    return select(*rows.c).order_by(rows.c.entity_id)


def results_by_party(
    rows: Select[*tuple[Any, ...]], record: Any, inside: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    """Replace the recipient of each result by its party, for a job whose recipients are ids of records.

    record: their mapped class, with `org_id`, `id` and `party_id`. inside: the condition that one is in the caller's
    scope. A record that does not exist or is outside the scope stays as it is.
    """
    each = rows.order_by(None).subquery()
    is_its = record.org_id == func.current_setting("rollcall.org"), record.id == cast(each.c.entity_id, Uuid)
    return (
        select(
            func.coalesce(record.party_id, each.c.entity_id).label("entity_id"),
            each.c.outcome,
            each.c.code,
            func.coalesce(each.c.record_id, record.id).label("record_id"),
            each.c.detail,
        )
        .select_from(each)
        .outerjoin(record, and_(*is_its, inside))
        .order_by(each.c.entity_id)
    )


def _not_processed(job: Job, state: ChunkState, code: OutcomeCode) -> Select[*tuple[Any, ...]]:
    recipients = func.unnest(JobChunk.recipients).label("entity_id")
    no_record: Label[uuid.UUID | None] = cast(null(), Uuid).label("record_id")
    return select(recipients, _text(code.outcome, "outcome"), _text(code, "code"), no_record, _no_detail()).where(
        JobChunk.org_id == job.org_id, JobChunk.job_id == job.id, JobChunk.state == state
    )


def _no_detail() -> Label[Any]:
    return cast(null(), Text).label("detail")


def _text(value: str, name: str) -> Label[str]:
    return literal(value, Text).label(name)
