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

OF_ASSIGNMENTS = """
    SELECT array_agg(
        (SELECT party_id FROM assignment AS its WHERE its.org_id = {org} AND its.id = one.id::uuid) ORDER BY one.n)
    FROM unnest({recipients}) WITH ORDINALITY AS one(id, n)"""


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

    Its plan is cached, even if it was made while the table was small; so the setting forces a plan by index.
    """
    parties = OF_ASSIGNMENTS.format(org="NEW.org_id", recipients="NEW.recipients")
    op.execute(f"""
        CREATE FUNCTION job_chunk_parties() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public
            SET enable_seqscan = off AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM job WHERE org_id = NEW.org_id AND id = NEW.job_id AND request ->> 'by' = 'assignment'
            ) THEN
                NEW.party_ids := ({parties});
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
    parties = OF_ASSIGNMENTS.format(org="chunk.org_id", recipients="chunk.recipients")
    op.execute(f"""
        UPDATE job_chunk AS chunk SET party_ids = ({parties})
        FROM job WHERE job.org_id = chunk.org_id AND job.id = chunk.job_id AND job.request ->> 'by' = 'assignment'""")  # noqa: S608  # made of constants
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
