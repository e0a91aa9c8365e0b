"""The function that waiting requests are woken by: one look at everything that is waited for in a process."""

from alembic import op

from shared.database import SERVING_ROLE

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the function `watched_marks`.

    It runs as the owner, because one process waits for many organizations at once, and returns only marks: values that
    differ after each change. Whoever waits has read the job or the events under row-level security before.
    """
    op.execute("""
        CREATE FUNCTION watched_marks(job_orgs text[], jobs uuid[], feeds text[])
        RETURNS TABLE (kind text, key text, mark text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT 'job', asked.org_id || '/' || asked.id,
                   (SELECT job.xmin::text FROM job WHERE job.org_id = asked.org_id AND job.id = asked.id)
            FROM unnest(job_orgs, jobs) AS asked (org_id, id)
            UNION ALL
            SELECT 'feed', asked.org_id,
                   (SELECT last_sequence::text FROM event_stream WHERE event_stream.org_id = asked.org_id)
            FROM unnest(feeds) AS asked (org_id)
        $$""")
    op.execute("REVOKE ALL ON FUNCTION watched_marks FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION watched_marks TO {SERVING_ROLE}")
