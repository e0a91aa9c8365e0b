"""The triggers that keep `licence_due` up to date cost the same per licence, whatever PostgreSQL knows of the table.

A trigger's plan is kept for the whole session. One that was made for a few rows, or for an organization that PostgreSQL
has not seen yet, compared every changed licence with every row of the organization. So the trigger joins nothing: the
changed licences are one array and one JSON object. The foreign key to `licence` goes for the same reason: each check
read all licences of the organization. Only these triggers insert into `licence_due`, and licences are never deleted.
"""

from alembic import op

revision = "training_0006"
down_revision = "training_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("LOCK TABLE licence IN ACCESS EXCLUSIVE MODE")  # first, or a writer that waits for us would deadlock
    op.execute("ALTER TABLE licence_due DROP CONSTRAINT fk_licence_due_org_id_licence_id")
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
                    counts = (latest -> licence_id::text -> 1)::boolean
                WHERE org_id = org AND licence_id = ANY (ids) AND (expires_at, counts) IS DISTINCT FROM
                    ((latest -> licence_id::text ->> 0)::timestamptz, (latest -> licence_id::text -> 1)::boolean);
            END LOOP;
            RETURN NULL;
        END $$""")
