"""The tables of packs. There is no file store, so the files of a pack are rows, and go with it."""

import uuid
from datetime import date, datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class Pack(Tenant, Base):
    """One pack. tree_size, head_hash, root_hash: the head to which its proofs lead, of when it was asked for.

    on_day: the day of which it tells. include: `PackContent`. people: the number of parties that were chosen.
    ready_at, expires_at, manifest_hash, size: null until its job has ended. size: bytes of its files, not compressed.
    """

    __tablename__ = "pack"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"]),
        Index("ix_pack_expires_at", "org_id", "expires_at"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID]
    on_day: Mapped[date]
    include: Mapped[list[str]] = mapped_column(ARRAY(Text(collation="C")))
    asked_by: Mapped[ExternalId]
    asked_at: Mapped[datetime]
    tree_size: Mapped[int] = mapped_column(BigInteger)
    head_hash: Mapped[str]
    root_hash: Mapped[str]
    people: Mapped[int]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    manifest_hash: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)


class PackPerson(Tenant, Base):
    """A party of a pack, and its number there: ids are no names of files."""

    __tablename__ = "pack_person"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "pack_id"], ["pack.org_id", "pack.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["org_id", "party_id"], ["party.org_id", "party.id"]),
        Index("ix_pack_person_party_id", "org_id", "party_id"),
    )

    pack_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    party_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    number: Mapped[int]


class PackPart(Tenant, Base):
    """A part of a file of a pack. The parts of a file follow each other by n."""

    __tablename__ = "pack_part"
    __table_args__ = (ForeignKeyConstraint(["org_id", "pack_id"], ["pack.org_id", "pack.id"], ondelete="CASCADE"),)

    pack_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]
