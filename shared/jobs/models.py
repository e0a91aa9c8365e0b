"""Jobs: requests accepted now and carried out by workers. PostgreSQL is the queue; messages are only wake-ups.

The database itself holds the sums: `pending` is computed, may not fall below nothing, and a final state
with something pending, or a way out of a final state, is refused.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7
from shared.events import Actor


class JobState(StrEnum):
    """queued (or awaiting_approval) -> running -> succeeded | partially_succeeded | failed | cancelled,
    with cancelling between running and cancelled."""

    QUEUED = "queued"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class ChunkState(StrEnum):
    """pending -> done | cancelled, or pending -> split: its parts then stand for it."""

    PENDING = "pending"
    DONE = "done"
    CANCELLED = "cancelled"
    SPLIT = "split"


class Outcome(StrEnum):
    """What became of one recipient."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PENDING = "pending"


class Job(Tenant, Base):
    """One job.

    request: what was asked, with everything that was fixed at submission (the course version).
    scope: the submitter's folders, null for all.
    progressed_at: when it was last served, for fairness and rescue.
    """

    __tablename__ = "job"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        ForeignKeyConstraint(["org_id", "retry_of"], ["job.org_id", "job.id"]),
        ForeignKeyConstraint(["org_id", "undo_of"], ["job.org_id", "job.id"]),
        UniqueConstraint("org_id", "idempotency_key"),
        UniqueConstraint("org_id", "undo_of"),
        Index(
            "ix_job_unfinished",
            "progressed_at",
            postgresql_where=text("state IN ('queued', 'running', 'cancelling')"),
        ),
        CheckConstraint(
            "state IN ('queued', 'awaiting_approval', 'running', 'cancelling', "
            "'succeeded', 'partially_succeeded', 'failed', 'cancelled')",
            name="state",
        ),
        CheckConstraint("least(total, succeeded, unchanged, failed, cancelled, pending) >= 0", name="counts_positive"),
        CheckConstraint(
            "state NOT IN ('succeeded', 'partially_succeeded', 'failed', 'cancelled') "
            "OR (pending = 0 AND finished_at IS NOT NULL)",
            name="final_has_nothing_pending",
        ),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    total: Mapped[int] = mapped_column(server_default="0")
    succeeded: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    cancelled: Mapped[int] = mapped_column(server_default="0")
    pending: Mapped[int] = mapped_column(Computed("total - succeeded - unchanged - failed - cancelled", persisted=True))
    request: Mapped[dict[str, Any]]
    scope: Mapped[list[str] | None]
    submitted_by_type: Mapped[str]
    submitted_by_id: Mapped[ExternalId]
    submitted_at: Mapped[datetime]
    progressed_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    retry_of: Mapped[uuid.UUID | None]
    undo_of: Mapped[uuid.UUID | None]
    approved_by: Mapped[ExternalId | None]
    approved_at: Mapped[datetime | None]
    error: Mapped[str | None]
    idempotency_key: Mapped[str | None]
    request_hash: Mapped[str | None]

    @property
    def actor(self) -> Actor:
        """The actor that submitted the job, and in whose name its work is recorded."""
        return Actor(self.submitted_by_type, self.submitted_by_id)

    @property
    def has_ended(self) -> bool:
        """True once nothing more will happen to the job."""
        return JobState(self.state).final

    @property
    def folders(self) -> frozenset[str] | None:
        """The scope of whoever submitted it: folder ids, None for all."""
        return None if self.scope is None else frozenset(self.scope)


class JobChunk(Tenant, Base):
    """A slice of a job's recipients, sorted: the unit of work, of claiming, and of failing.

    attempts: how often it was begun; counted before the work, so that a recipient which kills its worker is noticed.
    claimed_at: begun by somebody who is about to lock it; ignored once it is old.
    """

    __tablename__ = "job_chunk"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        Index("ix_job_chunk_pending", "org_id", "job_id", "n", postgresql_where=text("state = 'pending'")),
        CheckConstraint("state IN ('pending', 'done', 'cancelled', 'split')", name="state"),
        CheckConstraint("cardinality(recipients) > 0", name="not_empty"),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recipients: Mapped[list[str]]
    state: Mapped[str] = mapped_column(server_default=ChunkState.PENDING)
    attempts: Mapped[int] = mapped_column(server_default="0")
    claimed_at: Mapped[datetime | None]


class JobOutcome(Tenant, Base):
    """What became of one recipient, where no record of the job's own says it.

    A job that makes records needs no row for its successes: the record itself is one. A job that changes records
    has a row for each, because the next change would overwrite what this one did. record_id: the record it is about.
    """

    __tablename__ = "job_outcome"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        CheckConstraint("outcome IN ('succeeded', 'unchanged', 'failed')", name="outcome"),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    entity_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    code: Mapped[str]
    record_id: Mapped[uuid.UUID | None]
