"""The parties of a job's recipients where these are licences, as they are kept where they are assignments.

A caller limited to folders sees its part of a job by them, and a merge of parties waits for jobs that name these.
"""

from alembic import op

revision = "training_0029"
down_revision = "training_0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function of the trigger, which reads the table of licences only for a job whose recipients they are.

    See the migration `core_0011`, which made it, for why it searches by one array.
    """
    op.execute("""
        CREATE OR REPLACE FUNCTION job_chunk_parties() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
        DECLARE
            noun text := (SELECT request ->> 'by' FROM job WHERE org_id = NEW.org_id AND id = NEW.job_id);
            parties jsonb;
        BEGIN
            IF noun = 'assignment' THEN
                SELECT coalesce(jsonb_object_agg(id, party_id), '{}') INTO parties
                FROM assignment WHERE org_id = NEW.org_id AND id = ANY (NEW.recipients::uuid[]);
            ELSIF noun = 'licence' THEN
                SELECT coalesce(jsonb_object_agg(id, party_id), '{}') INTO parties
                FROM licence WHERE org_id = NEW.org_id AND id = ANY (NEW.recipients::uuid[]);
            END IF;
            IF parties IS NOT NULL THEN
                NEW.party_ids := ARRAY(
                    SELECT parties ->> one.id FROM unnest(NEW.recipients) WITH ORDINALITY AS one(id, n) ORDER BY n);
            END IF;
            RETURN NEW;
        END $$""")
