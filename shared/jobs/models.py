"""The tables of jobs, chunks and outcomes. PostgreSQL is the queue; messages are only wake-ups.

The database itself checks the counts: `pending` is computed and never negative, and a job in a final state has no
pending recipients.
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
        """True if a job in this state does not change any more."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class ChunkState(StrEnum):
    """pending -> done | cancelled | split. A chunk that is split is replaced by its parts."""

    PENDING = "pending"
    DONE = "done"
    CANCELLED = "cancelled"
    SPLIT = "split"


class Outcome(StrEnum):
    """The outcome of one recipient."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PENDING = "pending"


class Job(Tenant, Base):
    """One job.

    request: the kind's request, with everything that was fixed at submission, such as the course version.
    scope: the submitter's folders, null for all.
    progressed_at: when it was submitted or last made progress. Claiming and `jobs.rescue` read it.
    """

    __tablename__ = "job"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        ForeignKeyConstraint(["org_id", "retry_of"], ["job.org_id", "job.id"]),
        ForeignKeyConstraint(["org_id", "undo_of"], ["job.org_id", "job.id"]),
        UniqueConstraint("org_id", "idempotency_key"),
        Index(
            "uq_job_org_id_undo_of",
            "org_id",
            "undo_of",
            unique=True,
            postgresql_where=text("undo_of IS NOT NULL AND (finished_at IS NULL OR succeeded > 0 OR total = 0)"),
        ),
        Index(
            "ix_job_unfinished",
            "progressed_at",
            postgresql_where=text("state IN ('queued', 'running', 'cancelling')"),
        ),
        Index(
            "ix_job_waiting", "org_id", "progressed_at", "id", postgresql_where=text("state IN ('queued', 'running')")
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
        """The actor that submitted the job. It is also the actor of the job's work."""
        return Actor(self.submitted_by_type, self.submitted_by_id)

    @property
    def has_ended(self) -> bool:
        """True if the job has ended and does not change any more."""
        return JobState(self.state).final

    @property
    def folders(self) -> frozenset[str] | None:
        """The scope of the actor that submitted the job: folder ids, None for all."""
        return None if self.scope is None else frozenset(self.scope)


class JobChunk(Tenant, Base):
    """A slice of a job's recipients, sorted. It is claimed, carried out and retried as a whole.

    attempts: the number of claims. It is raised before the work, so that a chunk that kills its workers is found.
    party_ids: the parties of recipients that are not parties themselves, in the same order; filled by a trigger.
    claimed_at: when a worker last claimed the chunk, to lock it next; null if it was put back. A claim that is older
    than `ROLLCALL_JOB_CLAIM_SECONDS` and whose chunk nobody has locked is abandoned.
    next_attempt_at: the chunk is not claimed before; null for at once.
    """

    __tablename__ = "job_chunk"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        Index("ix_job_chunk_pending", "org_id", "job_id", "n", postgresql_where=text("state = 'pending'")),
        Index("ix_job_chunk_claimed", "org_id", postgresql_where=text("state = 'pending' AND claimed_at IS NOT NULL")),
        CheckConstraint("state IN ('pending', 'done', 'cancelled', 'split')", name="state"),
        CheckConstraint("cardinality(recipients) > 0", name="not_empty"),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    recipients: Mapped[list[str]]
    party_ids: Mapped[list[str] | None]
    state: Mapped[str] = mapped_column(server_default=ChunkState.PENDING)
    attempts: Mapped[int] = mapped_column(server_default="0")
    claimed_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]


class JobTurn(Tenant, Base):
    """When a chunk of the organization was last claimed: the organization that was served longest ago is served next.

    A row of its own, because an organization may have thousands of jobs, and the next organization is chosen often.
    """

    __tablename__ = "job_turn"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    served_at: Mapped[datetime]


class JobOutcome(Tenant, Base):
    """The outcome of one recipient, if no record that the job made shows it.

    A job that makes records stores no row for a success: the record shows it. A job that changes records stores a row
    for each recipient, because the next change overwrites the record. record_id: the record that the outcome is about.
    detail: a sentence for this recipient; null: that of the code.
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
    detail: Mapped[str | None]
