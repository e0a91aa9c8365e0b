"""Functions that find organizations with a due sweep, and count those whose sweep is late."""

from alembic import op

from shared.database import SERVING_ROLE

revision = "training_0004"
down_revision = "training_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The serving role may not read across organizations. These functions run as the owner and return only ids."""
    op.execute("CREATE POLICY owner_finds_sweeps ON sweep FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_to_sweep(tonight date) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id FROM organization
            WHERE training_enabled AND training_entitled AND (
                EXISTS (SELECT FROM sweep WHERE sweep.org_id = organization.id AND finished_at IS NULL)
                OR tonight IS NOT NULL
                    AND NOT EXISTS (SELECT FROM sweep WHERE sweep.org_id = organization.id AND slot = tonight))
            ORDER BY id
        $$""")
    op.execute("""
        CREATE FUNCTION organizations_behind_with_sweeps(since timestamptz) RETURNS bigint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT count(*) FROM organization
            WHERE training_enabled AND training_entitled AND created_at < since
                AND NOT EXISTS (SELECT FROM sweep WHERE sweep.org_id = organization.id AND finished_at >= since)
        $$""")
    for function in ("organizations_to_sweep", "organizations_behind_with_sweeps"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {SERVING_ROLE}")
