"""A function that keeps PostgreSQL's statistics true of an organization, for the serving role, which owns no table.

PostgreSQL takes an organization that it has not seen yet for one row, until autovacuum comes by, and then chooses plans
whose cost is the square of the number of rows. The function compares the planner's estimate with the rows that are
there, and analyses a table only if the estimate is far too low; see docs/decisions.
"""

from alembic import op

from shared.database import SERVING_ROLE

revision = "core_0007"
down_revision = "core_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of the training branch may be absent, so each is looked up by name.

    An organization that is estimated to have 5,000 rows or more needs nothing: no plan takes that for a few. A large
    table is analysed at most once in its number of rows / 10,000 seconds, a minute at most, because its sample may miss
    a small organization again. ANALYZE keeps its lock until the commit, so call this in a transaction of its own.
    """
    op.execute("""
        CREATE FUNCTION keep_statistics() RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            org text := nullif(current_setting('rollcall.org', true), '');
            name text;
            place regclass;
            plan json;
            expected bigint;
            found bigint;
            last timestamptz;
        BEGIN
            FOREACH name IN ARRAY ARRAY['party', 'folder_member', 'job', 'job_outcome', 'event', 'delivery',
                'assignment', 'training_session', 'roster_entry', 'licence', 'licence_due']
            LOOP
                place := to_regclass('public.' || name);
                CONTINUE WHEN org IS NULL OR place IS NULL;
                EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s WHERE org_id = %L', place, org) INTO plan;
                expected := (plan->0->'Plan'->>'Plan Rows')::numeric;
                CONTINUE WHEN expected >= 5000;
                EXECUTE format('SELECT count(*) FROM (SELECT FROM %s WHERE org_id = $1 LIMIT $2) AS ours', place)
                    INTO found USING org, 4 * expected + 200;
                CONTINUE WHEN found < 4 * expected + 200;
                last := greatest(pg_stat_get_last_analyze_time(place), pg_stat_get_last_autoanalyze_time(place));
                CONTINUE WHEN last > clock_timestamp() - least(60, greatest(0, (
                    SELECT reltuples FROM pg_class WHERE oid = place)) / 10000) * interval '1 second';
                EXECUTE format('ANALYZE (SKIP_LOCKED) %s', place);
            END LOOP;
        END $$""")
    op.execute("REVOKE ALL ON FUNCTION keep_statistics FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION keep_statistics TO {SERVING_ROLE}")
