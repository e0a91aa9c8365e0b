"""One table of idempotency keys for everything that a request makes. Keys of jobs stay in `job` too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers

revision = "core_0016"
down_revision = "core_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_idempotency_key_org_id")),
        sa.PrimaryKeyConstraint("org_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        "ix_idempotency_key_kept_until",
        "idempotency_key",
        ["org_id", "kept_until"],
        postgresql_where=sa.text("kept_until IS NOT NULL"),
    )
    guard("idempotency_key")
    racers(
        "CONSTRAINT pk_idempotency_key ON",
        "idempotency_key",
        "A request and its repetition, or two requests with one key, at once.",
    )
