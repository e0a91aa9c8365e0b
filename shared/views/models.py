"""The tables of saved views, and of the start page that each member has chosen."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database import Base, ExternalId, Tenant, Uuid7


class SavedView(Tenant, Base):
    """Filters and columns of a list of the console under a name, of one member or shared with the organization.

    list_name: the list, as in its address. folded: the name by which two are the same, in whatever letter case.
    owner_id: the member who made it. filters: texts by the names of the API's parameters. columns: their names; null
    for the usual ones. is_default: True for the start page of everybody who has chosen none.
    """

    __tablename__ = "saved_view"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        CheckConstraint("shared OR NOT is_default", name="default_is_shared"),
        Index(
            "uq_saved_view_own",
            *("org_id", "owner_id", "list_name", "folded"),
            unique=True,
            postgresql_where=text("NOT shared"),
        ),
        Index("uq_saved_view_shared", "org_id", "list_name", "folded", unique=True, postgresql_where=text("shared")),
        Index("uq_saved_view_default", "org_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[Uuid7] = mapped_column(primary_key=True)
    list_name: Mapped[ExternalId]
    name: Mapped[str]
    folded: Mapped[str]
    owner_id: Mapped[ExternalId]
    shared: Mapped[bool]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    filters: Mapped[dict[str, Any]]
    columns: Mapped[list[str] | None]
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class StartPage(Tenant, Base):
    """The start page that a member has chosen. view_id: null for the overview, whatever the organization's one is."""

    __tablename__ = "start_page"
    __table_args__ = (
        ForeignKeyConstraint(["org_id"], ["organization.id"]),
        ForeignKeyConstraint(["org_id", "view_id"], ["saved_view.org_id", "saved_view.id"], ondelete="CASCADE"),
        Index("ix_start_page_view", "org_id", "view_id"),
    )

    member_id: Mapped[ExternalId] = mapped_column(primary_key=True)
    view_id: Mapped[uuid.UUID | None]
    chosen_at: Mapped[datetime]
