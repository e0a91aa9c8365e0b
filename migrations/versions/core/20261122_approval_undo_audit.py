"""Jobs that wait for approval or undo others; indexes to search events by subject, actor and time; seals."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    extend_jobs()
    extend_events()
    create_seals()


def extend_jobs() -> None:
    op.add_column("job", sa.Column("undo_of", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("approved_by", sa.Text(collation="C"), nullable=True))
    op.add_column("job", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key("fk_job_org_id_undo_of", "job", "job", ["org_id", "undo_of"], ["org_id", "id"])
    op.create_unique_constraint("uq_job_org_id_undo_of", "job", ["org_id", "undo_of"])
    racers("CONSTRAINT uq_job_org_id_undo_of ON", "job", "Two members who undo one job at once.")
    op.drop_constraint("ck_job_outcome_outcome", "job_outcome")
    op.create_check_constraint("outcome", "job_outcome", "outcome IN ('succeeded', 'unchanged', 'failed')")


def extend_events() -> None:
    op.create_index("ix_event_org_id_subject_sequence", "event", ["org_id", "subject", "sequence"])
    op.create_index("ix_event_org_id_actor_id_sequence", "event", ["org_id", "actor_id", "sequence"])
    op.create_index("ix_event_recorded_at", "event", ["recorded_at"], postgresql_using="brin")


def create_seals() -> None:
    op.create_table(
        "event_seal",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_event_seal_org_id")),
        sa.PrimaryKeyConstraint("org_id", "last_sequence", name=op.f("pk_event_seal")),
    )
    guard("event_seal", allow="SELECT, INSERT")
    racers("CONSTRAINT pk_event_seal ON", "event_seal", "Two seals of the same block.")
    op.execute("CREATE POLICY owner_finds_due_work ON event_stream FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("CREATE POLICY owner_finds_due_work ON event_seal FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_with_unsealed_events() RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT org_id FROM event_stream
            WHERE last_sequence > coalesce(
                (SELECT max(seal.last_sequence) FROM event_seal AS seal WHERE seal.org_id = event_stream.org_id), 0)
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organizations_with_unsealed_events FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organizations_with_unsealed_events TO {SERVING_ROLE}")
