"""The event tables: numbers without a hole, and rows that are never altered.

`event_stream` has one row for each organization, with the last number taken. A transaction that records events locks
it until the commit, so the order of numbers is the order of commits. `event` is append-only: the serving role may
insert and read, nothing else.
"""

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class EventStream(Tenant, Base):
    """The counter row of one organization, created together with it."""

    __tablename__ = "event_stream"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")


class Event(Tenant, Base):
    """One event. It holds ids only, no names, addresses or links: events are sent out and kept for years."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "ix_event_org_id_party_id", "org_id", "party_id", "sequence", postgresql_where=text("party_id IS NOT NULL")
        ),
        Index("ix_event_org_id_subject_sequence", "org_id", "subject", "sequence"),
        Index("ix_event_org_id_actor_id_sequence", "org_id", "actor_id", "sequence"),
        Index("ix_event_recorded_at", "recorded_at", postgresql_using="brin"),
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[Uuid7]
    type: Mapped[str]
    subject: Mapped[ExternalId]
    recorded_at: Mapped[datetime]
    actor_type: Mapped[str]
    actor_id: Mapped[ExternalId]
    party_id: Mapped[ExternalId | None]
    data: Mapped[dict[str, Any]]


class Recorded(NamedTuple):
    """An event as a plain row: an ORM object would take twice the time, SQLAlchemy's own row 1.5 times."""

    org_id: str
    sequence: int
    id: uuid.UUID
    type: str
    subject: str
    recorded_at: datetime
    actor_type: str
    actor_id: str
    party_id: str | None
    data: dict[str, Any]


class EventConsumer(Tenant, Base):
    """The cursor of a consumer in Rollcall itself: the relay of the Redis Stream, the planner of deliveries."""

    __tablename__ = "event_consumer"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    name: Mapped[str] = mapped_column(primary_key=True)
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")


class EventSeal(Tenant, Base):
    """A sealed block of events, `first_sequence` to `last_sequence`.

    hash: the hash of the event `last_sequence`, chained over every event from the first one on (see `chain.py`).
    root: of the tree over the same events (`tree.py`); null in seals of former releases.
    """

    __tablename__ = "event_seal"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    last_sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    first_sequence: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
    sealed_at: Mapped[datetime]
    root: Mapped[str | None]


class EventTreeNode(Tenant, Base):
    """The hash of a complete subtree over 2 ** level sealed events, from leaf `position << level` on (`tree.py`)."""

    __tablename__ = "event_tree_node"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes]
