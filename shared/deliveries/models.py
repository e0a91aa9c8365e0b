"""The tables of deliveries (one event for one receiver over one channel) and webhooks (receivers in other systems)."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class Channel(StrEnum):
    """The way to a receiver."""

    WEBHOOK = "webhook"
    EMAIL = "email"


class DeliveryState(StrEnum):
    """queued -> sent | suppressed | failed | dead. sent is final; the others can be queued again by hand.

    queued: waits for its first or next attempt. suppressed: not sent, because it was no longer true or had no
    recipient; `code` says why. failed: the receiver refused it for good. dead: given up after the last attempt.
    """

    QUEUED = "queued"
    SENT = "sent"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    DEAD = "dead"


class Webhook(Tenant, Base):
    """An address of another system that receives events. types: the event types it asked for; empty for all.

    after: only events with a higher sequence are sent: the head when the webhook was created. secret: signs messages,
    shown once; former_secret signs too until former_secret_until. failures: failed attempts in a row. broken_until: the
    breaker is open and nothing is sent before. disabled_at, disabled_why: by a member, or because it answered 410.
    replays: how often events were queued for it again.
    """

    __tablename__ = "webhook"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    url: Mapped[str]
    types: Mapped[list[str]]
    description: Mapped[str | None]
    after: Mapped[int] = mapped_column(BigInteger)
    secret: Mapped[str]
    former_secret: Mapped[str | None]
    former_secret_until: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(server_default="1")
    failures: Mapped[int] = mapped_column(server_default="0")
    replays: Mapped[int] = mapped_column(server_default="0")
    broken_until: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None]
    created_by: Mapped[ExternalId]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Delivery(Tenant, Base):
    """One event for one receiver. The row is the queue entry, the lease and, afterwards, the record.

    receiver: the id of a webhook or of a party. sequence: of the event. party_id, job_id: the party and the job that
    the event is about, for filters. code: the reason for the state, a `DeliveryCode`; status: the receiver's HTTP or
    SMTP status. queued_at: the three days of attempts count from here. next_attempt_at: when it is due. leased_until:
    until then at most a sender holds it. replay: the replay of the webhook that queued it, 0 for the planner.

    The unique constraint is for two planners of one event, and for a replay that meets the planner: both insert the
    same delivery, and it stays one row.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "sequence"], ["event.org_id", "event.sequence"]),
        UniqueConstraint("org_id", "channel", "receiver", "sequence", "replay"),
        Index(
            "ix_delivery_due",
            "org_id",
            "channel",
            "next_attempt_at",
            "id",
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_delivery_waiting",
            "org_id",
            "channel",
            "receiver",
            "sequence",
            postgresql_where=text("state = 'queued'"),
        ),
        Index("ix_delivery_org_id_receiver_id", "org_id", "receiver", "id"),
        Index("ix_delivery_org_id_state_id", "org_id", "state", "id"),
        Index("ix_delivery_org_id_party_id_id", "org_id", "party_id", "id"),
        Index("ix_delivery_org_id_job_id_id", "org_id", "job_id", "id"),
        CheckConstraint("channel IN ('webhook', 'email')", name="channel"),
        CheckConstraint("state IN ('queued', 'sent', 'suppressed', 'failed', 'dead')", name="state"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    channel: Mapped[str]
    receiver: Mapped[ExternalId]
    sequence: Mapped[int] = mapped_column(BigInteger)
    event_type: Mapped[str]
    party_id: Mapped[ExternalId | None]
    job_id: Mapped[uuid.UUID | None]
    state: Mapped[str] = mapped_column(server_default=DeliveryState.QUEUED)
    code: Mapped[str | None]
    status: Mapped[int | None]
    replay: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    queued_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
