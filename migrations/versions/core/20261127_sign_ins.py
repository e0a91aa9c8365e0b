"""Sign-ins: a person's time at the pages, with what the person may do meanwhile."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers

revision = "core_0019"
down_revision = "core_0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    external = sa.Text(collation="C")
    op.create_table(
        "sign_in",
        sa.Column("org_id", external, nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("provider_session", sa.Text(), nullable=True),
        sa.Column("mapping_version", sa.Integer(), nullable=True),
        sa.Column("member_id", external, nullable=False),
        sa.Column("party_id", external, nullable=True),
        sa.Column("permissions", postgresql.ARRAY(external), nullable=False),
        sa.Column("folders", postgresql.ARRAY(external), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_sign_in_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("org_id", "token_hash", name=op.f("uq_sign_in_org_id_token_hash")),
    )
    op.create_index("ix_sign_in_member", "sign_in", ["org_id", "member_id", "begun_at"])
    op.create_index(
        "ix_sign_in_party", "sign_in", ["org_id", "party_id"], postgresql_where=sa.text("party_id IS NOT NULL")
    )
    op.create_index("ix_sign_in_expires_at", "sign_in", ["org_id", "expires_at"])
    guard("sign_in")
    racers(
        "CONSTRAINT uq_sign_in_org_id_token_hash ON",
        "sign_in",
        "None: tokens are random. It is the index by which a cookie finds its sign-in.",
    )
