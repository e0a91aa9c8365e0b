"""The table of organizations, the tenants, and what each may use."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import ID_PATTERN, Base, ExternalId


class Organization(Base):
    """A tenant. Row-level security guards this table too: a transaction sees only the organization that it works for.

    training_enabled: the administrator's switch. training_entitled: the operator's. Both must be on.
    change_limit: number of recipients above which a job waits for a second member; null: no limit.
    language: of mails and pages for parties that have none of their own, as a BCP 47 tag.
    """

    __tablename__ = "organization"
    __table_args__ = (
        CheckConstraint(f"id ~ '{ID_PATTERN}'", name="id_form"),
        CheckConstraint("change_limit >= 0", name="change_limit_positive"),
    )

    id: Mapped[ExternalId] = mapped_column(primary_key=True)
    name: Mapped[str]
    time_zone: Mapped[str]
    training_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    training_entitled: Mapped[bool] = mapped_column(server_default=text("true"))
    change_limit: Mapped[int | None]
    language: Mapped[str | None]
    created_at: Mapped[datetime]
