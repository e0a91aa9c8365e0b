"""The tables of the deployment. They hold nothing of an organization, so row-level security does not apply to them."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base


class MailSwitch(Base):
    """The one row that says if this deployment sends mails. changed_at: null before the first change."""

    __tablename__ = "mail_switch"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    is_on: Mapped[bool]
    changed_at: Mapped[datetime | None]


class Process(Base):
    """A running process. settings: a fingerprint of each setting that it uses, never a value.

    seen_at: when it last said that it runs; a process that was killed stays until somebody removes old rows.
    """

    __tablename__ = "process"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    program: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    settings: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
