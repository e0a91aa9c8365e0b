"""Workers choose the next organization in the database, and a chunk may be due later."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0008"
down_revision = "core_0007"
branch_labels = None
depends_on = None

FUNCTION = "organizations_in_turn(integer, timestamptz, timestamptz, text[], integer)"


def upgrade() -> None:
    op.add_column("job_chunk", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_job_chunk_claimed",
        "job_chunk",
        ["org_id"],
        postgresql_where=sa.text("state = 'pending' AND claimed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_job_waiting",
        "job",
        ["org_id", "progressed_at", "id"],
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "job_turn",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_job_turn_org_id")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_job_turn")),
    )
    guard("job_turn", allow="SELECT, INSERT, UPDATE")
    racers("CONSTRAINT pk_job_turn ON", "job_turn", "None: claims of an organization run one after the other.")
    choose_organizations()


def choose_organizations() -> None:
    """Create the function that lists the organizations with a chunk to claim. It returns only ids.

    It reads a few index entries of each organization that has unfinished jobs, however many these are: `OFFSET 0` keeps
    the planner from joining jobs and chunks as a whole. Without sequential scans, bitmap scans and sorts it walks the
    index of waiting jobs, whose order each ORDER BY names, and stops at the first entry. Other indexes hold ended jobs.
    """
    for table in ("job_chunk", "job_turn"):
        op.execute(f"CREATE POLICY owner_finds_due_work ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_in_turn(places integer, due_by timestamptz, abandoned timestamptz,
            passing_over text[], most integer) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
        SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
        SET enable_incremental_sort = off AS $$
            WITH RECURSIVE unfinished AS (
                (SELECT org_id FROM job WHERE state IN ('queued', 'running')
                 ORDER BY org_id, progressed_at, id LIMIT 1)
                UNION ALL
                SELECT (SELECT job.org_id FROM job WHERE state IN ('queued', 'running')
                            AND job.org_id > unfinished.org_id
                        ORDER BY job.org_id, job.progressed_at, job.id LIMIT 1)
                FROM unfinished WHERE unfinished.org_id IS NOT NULL
            )
            SELECT unfinished.org_id
            FROM unfinished
            CROSS JOIN LATERAL (
                SELECT count(*) AS claimed, count(*) FILTER (WHERE claimed_at < abandoned) AS old,
                    count(*) FILTER (WHERE claimed_at < abandoned AND coalesce(next_attempt_at <= due_by, true)) AS due
                FROM job_chunk
                WHERE org_id = unfinished.org_id AND state = 'pending' AND claimed_at IS NOT NULL OFFSET 0
            ) AS chunks
            WHERE unfinished.org_id IS NOT NULL AND unfinished.org_id <> ALL (passing_over)
                AND (chunks.due > 0 OR chunks.claimed - chunks.old < places AND EXISTS (
                    SELECT FROM job WHERE org_id = unfinished.org_id AND state IN ('queued', 'running') AND EXISTS (
                        SELECT FROM job_chunk AS chunk
                        WHERE chunk.org_id = job.org_id AND chunk.job_id = job.id AND chunk.state = 'pending'
                            AND chunk.claimed_at IS NULL AND coalesce(chunk.next_attempt_at <= due_by, true)
                        OFFSET 0)
                    ORDER BY progressed_at, id OFFSET 0))
            ORDER BY chunks.claimed - chunks.old,
                (SELECT served_at FROM job_turn WHERE org_id = unfinished.org_id) NULLS FIRST, unfinished.org_id
            LIMIT most
        $$""")
    op.execute(f"REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO {SERVING_ROLE}")
