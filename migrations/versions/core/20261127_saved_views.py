"""Saved views of the console's lists, and the start page that each member has chosen."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers

revision = "core_0029"
down_revision = "core_0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    external = sa.Text(collation="C")
    op.create_table(
        "saved_view",
        sa.Column("org_id", external, nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("list_name", external, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("owner_id", external, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(external), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("shared OR NOT is_default", name=op.f("ck_saved_view_default_is_shared")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_saved_view_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_saved_view")),
    )
    for name, columns, where in (
        ("uq_saved_view_own", ["org_id", "owner_id", "list_name", "folded"], "NOT shared"),
        ("uq_saved_view_shared", ["org_id", "list_name", "folded"], "shared"),
        ("uq_saved_view_default", ["org_id"], "is_default"),
    ):
        op.create_index(name, "saved_view", columns, unique=True, postgresql_where=sa.text(where))
    op.create_table(
        "start_page",
        sa.Column("org_id", external, nullable=False),
        sa.Column("member_id", external, nullable=False),
        sa.Column("view_id", sa.Uuid(), nullable=True),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_start_page_org_id")),
        sa.ForeignKeyConstraint(
            ["org_id", "view_id"],
            ["saved_view.org_id", "saved_view.id"],
            name=op.f("fk_start_page_org_id_view_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "member_id", name=op.f("pk_start_page")),
    )
    op.create_index("ix_start_page_view", "start_page", ["org_id", "view_id"])
    guard("saved_view")
    guard("start_page")
    racers("INDEX", "uq_saved_view_own", "One member who saves a view under one name in two windows at once.")
    racers("INDEX", "uq_saved_view_shared", "Two members who share a view under one name at once.")
    racers("INDEX", "uq_saved_view_default", "Two administrators who choose the start page of all at once.")
