"""Which notices are still to be published follows from the licence's end, not only from those published before.

A licence is granted with the notices passed over whose day had come by then: the grant itself tells the end. A changed
end begins again with the first notice; the program passes over those that no longer help (`licences.restart_notices`).
"""

from alembic import op

revision = "training_0015"
down_revision = "training_0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE OR REPLACE FUNCTION licences_granted() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public AS $$
        BEGIN
            INSERT INTO licence_due (org_id, licence_id, expires_at, counts, notices)
            SELECT org_id, id, expires_at, revoked_at IS NULL AND superseded_at IS NULL,
                (expires_at - interval '60 days' <= granted_at)::int
                + (expires_at - interval '30 days' <= granted_at)::int
                + (expires_at - interval '7 days' <= granted_at)::int
            FROM changed;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE OR REPLACE FUNCTION licences_changed() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public SET plan_cache_mode = force_custom_plan AS $$
        DECLARE org text; ids uuid[]; latest jsonb;
        BEGIN
            FOR org, ids, latest IN
                SELECT org_id, array_agg(id), jsonb_object_agg(
                    id, jsonb_build_array(expires_at, revoked_at IS NULL AND superseded_at IS NULL))
                FROM changed GROUP BY org_id
            LOOP
                UPDATE licence_due
                SET expires_at = (latest -> licence_id::text ->> 0)::timestamptz,
                    counts = (latest -> licence_id::text -> 1)::boolean,
                    notices = CASE WHEN expires_at = (latest -> licence_id::text ->> 0)::timestamptz
                        THEN notices ELSE 0 END
                WHERE org_id = org AND licence_id = ANY (ids) AND (expires_at, counts) IS DISTINCT FROM
                    ((latest -> licence_id::text ->> 0)::timestamptz, (latest -> licence_id::text -> 1)::boolean);
            END LOOP;
            RETURN NULL;
        END $$""")
