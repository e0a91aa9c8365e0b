"""The table of rows of imports, from their submission until their records are in."""

import uuid
from datetime import date

from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant


class RecordRow(Tenant, Base):
    """One row of an import that has not gone in yet. A row that went in is deleted; one that failed stays for a retry.

    import_id: the import; a retry has that of the job it retries. row: its number, from 1. line: of a file. party_id:
    empty if the row has no well-formed id. code, detail: why the row was refused when it was read; null: it was not.
    """

    __tablename__ = "record_row"
    __table_args__ = (ForeignKeyConstraint(["org_id"], ["organization.id"]),)

    import_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int | None]
    party_id: Mapped[ExternalId]
    course_id: Mapped[uuid.UUID | None]
    course_code: Mapped[str | None]
    version_label: Mapped[str | None]
    completed_on: Mapped[date | None]
    expires_on: Mapped[date | None]
    issuer: Mapped[str | None]
    number: Mapped[str | None]
    note: Mapped[str | None]
    code: Mapped[str | None]
    detail: Mapped[str | None]
