"""The issuers at which members of an organization sign in, and what each issuer's groups may do here."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers

revision = "core_0020"
down_revision = "core_0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    external = sa.Text(collation="C")
    op.create_table(
        "sign_in_issuer",
        sa.Column("org_id", external, nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("name", external, nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("groups_claim", sa.Text(), nullable=False),
        sa.Column("party_claim", sa.Text(), nullable=True),
        sa.Column("party_field", sa.Text(), nullable=False),
        sa.Column("tells_when", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unbound_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("party_field IN ('entityId', 'memberId')", name=op.f("ck_sign_in_issuer_party_field")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_sign_in_issuer_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sign_in_issuer")),
        sa.UniqueConstraint("org_id", "issuer", name=op.f("uq_sign_in_issuer_org_id_issuer")),
        sa.UniqueConstraint("org_id", "name", name=op.f("uq_sign_in_issuer_org_id_name")),
    )
    op.create_table(
        "sign_in_group",
        sa.Column("org_id", external, nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("group_name", external, nullable=False),
        sa.Column("permissions", postgresql.ARRAY(external), nullable=False),
        sa.Column("folders", postgresql.ARRAY(external), nullable=True),
        sa.CheckConstraint("NOT 'directory.sync' = ANY (permissions)", name=op.f("ck_sign_in_group_no_directory_sync")),
        sa.ForeignKeyConstraint(
            ["org_id", "issuer_id"],
            ["sign_in_issuer.org_id", "sign_in_issuer.id"],
            name=op.f("fk_sign_in_group_org_id_issuer_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "issuer_id", "group_name", name=op.f("pk_sign_in_group")),
    )
    op.create_table(
        "logout_token",
        sa.Column("org_id", external, nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "issuer_id"],
            ["sign_in_issuer.org_id", "sign_in_issuer.id"],
            name=op.f("fk_logout_token_org_id_issuer_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "issuer_id", "jti", name=op.f("pk_logout_token")),
    )
    for table in ("sign_in_issuer", "sign_in_group", "logout_token"):
        guard(table)
    racers(
        "CONSTRAINT uq_sign_in_issuer_org_id_issuer ON", "sign_in_issuer", "Two operators who bind one issuer at once."
    )
    racers(
        "CONSTRAINT uq_sign_in_issuer_org_id_name ON",
        "sign_in_issuer",
        "Two operators who bind two issuers under one name at once.",
    )
    op.create_index("ix_sign_in_subject", "sign_in", ["org_id", "issuer", "subject"])
