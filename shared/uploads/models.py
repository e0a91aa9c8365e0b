"""The table of uploads."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class Purpose(StrEnum):
    """The things that the rows of a file are: recipients of an assignment, people of the directory, or records."""

    RECIPIENTS = "recipients"
    PEOPLE = "people"
    RECORDS = "records"


class Upload(Tenant, Base):
    """A file that somebody has sent to the console and repairs there, before its rows go in.

    sign_in_id: of whom it is kept for; it is deleted with the sign-in. member_id: who that is. content: the lines of
    the file, packed. columns: fields by names of columns, as somebody has said; null: ignored. repairs: cells that were
    typed anew, by line and by place. found: what the last check has found. outcome: what became of the rows, once.
    """

    __tablename__ = "upload"
    __table_args__ = (
        ForeignKeyConstraint(["org_id", "sign_in_id"], ["sign_in.org_id", "sign_in.id"], ondelete="CASCADE"),
        Index("ix_upload_sign_in", "org_id", "sign_in_id"),
        Index("ix_upload_member", "org_id", "member_id", "id"),
        Index("ix_upload_expires_at", "expires_at"),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    sign_in_id: Mapped[uuid.UUID]
    member_id: Mapped[ExternalId]
    purpose: Mapped[str]
    content: Mapped[bytes]
    columns: Mapped[dict[str, Any]]
    repairs: Mapped[dict[str, Any]]
    found: Mapped[dict[str, Any]]
    outcome: Mapped[dict[str, Any] | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
