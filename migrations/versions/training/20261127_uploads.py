"""Uploads: files that somebody has sent to the console and repairs there. The beat deletes those that are over."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.guards import guard
from shared.database import SERVING_ROLE

revision = "training_0022"
down_revision = "training_0018"
branch_labels = None
depends_on = "core_0019"


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("sign_in_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Text(collation="C"), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("columns", JSONB(), nullable=False),
        sa.Column("repairs", JSONB(), nullable=False),
        sa.Column("found", JSONB(), nullable=False),
        sa.Column("outcome", JSONB(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "sign_in_id"],
            ["sign_in.org_id", "sign_in.id"],
            name=op.f("fk_upload_org_id_sign_in_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_sign_in", "upload", ["org_id", "sign_in_id"])
    op.create_index("ix_upload_member", "upload", ["org_id", "member_id", "id"])
    op.create_index("ix_upload_expires_at", "upload", ["expires_at"])
    guard("upload")
    for act in ("SELECT", "DELETE"):
        op.execute(f"CREATE POLICY owner_purges_{act.lower()} ON upload FOR {act} TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION purge_uploads(until timestamptz) RETURNS bigint
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            WITH gone AS (DELETE FROM upload WHERE expires_at <= until RETURNING 1) SELECT count(*) FROM gone
        $$""")
    op.execute("REVOKE ALL ON FUNCTION purge_uploads FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION purge_uploads TO {SERVING_ROLE}")
