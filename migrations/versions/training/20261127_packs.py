"""Packs: files of evidence, in rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard
from shared.database import SERVING_ROLE

revision = "training_0028"
down_revision = "training_0027"
branch_labels = None
depends_on = None

EXTERNAL = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "pack",
        sa.Column("org_id", EXTERNAL, nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("include", postgresql.ARRAY(EXTERNAL), nullable=False),
        sa.Column("asked_by", EXTERNAL, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tree_size", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.Text(), nullable=False),
        sa.Column("root_hash", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manifest_hash", sa.Text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_pack_org_id")),
        sa.ForeignKeyConstraint(["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_pack_org_id_job_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_pack")),
    )
    op.create_index("ix_pack_expires_at", "pack", ["org_id", "expires_at"])
    op.create_table(
        "pack_person",
        sa.Column("org_id", EXTERNAL, nullable=False),
        sa.Column("pack_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", EXTERNAL, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "pack_id"],
            ["pack.org_id", "pack.id"],
            name=op.f("fk_pack_person_org_id_pack_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "party_id"], ["party.org_id", "party.id"], name=op.f("fk_pack_person_org_id_party_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "pack_id", "party_id", name=op.f("pk_pack_person")),
    )
    op.create_index("ix_pack_person_party_id", "pack_person", ["org_id", "party_id"])
    op.create_table(
        "pack_part",
        sa.Column("org_id", EXTERNAL, nullable=False),
        sa.Column("pack_id", sa.Uuid(), nullable=False),
        sa.Column("name", EXTERNAL, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "pack_id"],
            ["pack.org_id", "pack.id"],
            name=op.f("fk_pack_part_org_id_pack_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "pack_id", "name", "n", name=op.f("pk_pack_part")),
    )
    for table in ("pack", "pack_person", "pack_part"):
        guard(table)
    op.execute("CREATE POLICY owner_finds_due_work ON pack FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_with_packs_over(at timestamptz) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT DISTINCT org_id FROM pack WHERE expires_at <= at
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organizations_with_packs_over FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organizations_with_packs_over TO {SERVING_ROLE}")
