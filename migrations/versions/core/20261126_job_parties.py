"""The parties of a job's recipients beside the recipients, so that a caller limited to folders sees its part of a job.

A job can be undone again where its undo did nothing.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import racers
from shared.database import SERVING_ROLE

revision = "core_0011"
down_revision = "core_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_chunk", sa.Column("party_ids", sa.ARRAY(sa.Text(collation="C")), nullable=True))
    follow_chunks()
    fill()
    op.drop_constraint("uq_job_org_id_undo_of", "job")
    op.create_index(
        "uq_job_org_id_undo_of",
        "job",
        ["org_id", "undo_of"],
        unique=True,
        postgresql_where=sa.text("undo_of IS NOT NULL AND (finished_at IS NULL OR succeeded > 0 OR total = 0)"),
    )
    racers("INDEX", "uq_job_org_id_undo_of", "Two members who undo one job at once.")


def follow_chunks() -> None:
    """Create a trigger that fills the column where recipients are assignments, also for processes of a former release.

    It finds the parties of all recipients by one array, and each party in one JSON object. A search for each recipient
    took a plan that read all assignments of the organization each time, where PostgreSQL had no statistics at all, as
    after a restore.
    """
    op.execute("""
        CREATE FUNCTION job_chunk_parties() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public
            SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
        DECLARE parties jsonb;
        BEGIN
            IF EXISTS (
                SELECT FROM job WHERE org_id = NEW.org_id AND id = NEW.job_id AND request ->> 'by' = 'assignment'
            ) THEN
                SELECT coalesce(jsonb_object_agg(id, party_id), '{}') INTO parties
                FROM assignment WHERE org_id = NEW.org_id AND id = ANY (NEW.recipients::uuid[]);
                NEW.party_ids := ARRAY(
                    SELECT parties ->> one.id FROM unnest(NEW.recipients) WITH ORDINALITY AS one(id, n) ORDER BY n);
            END IF;
            RETURN NEW;
        END $$""")
    op.execute("REVOKE ALL ON FUNCTION job_chunk_parties FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION job_chunk_parties TO {SERVING_ROLE}")
    op.execute("""
        CREATE TRIGGER job_chunk_parties BEFORE INSERT ON job_chunk
        FOR EACH ROW WHEN (NEW.party_ids IS NULL) EXECUTE FUNCTION job_chunk_parties()""")


def fill() -> None:
    """Fill the column in chunks that were written before. Row-level security would hide them from the owner."""
    if op.get_bind().scalar(sa.text("SELECT to_regclass('assignment') IS NULL")):
        return
    tables = ("job", "job_chunk", "assignment")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE job_chunk AS chunk SET party_ids = (
            SELECT array_agg((
                SELECT party_id FROM assignment AS its WHERE its.org_id = chunk.org_id AND its.id = one.id::uuid
            ) ORDER BY one.n) FROM unnest(chunk.recipients) WITH ORDINALITY AS one(id, n))
        FROM job WHERE job.org_id = chunk.org_id AND job.id = chunk.job_id AND job.request ->> 'by' = 'assignment'""")
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
