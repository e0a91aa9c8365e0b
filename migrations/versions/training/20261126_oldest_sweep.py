"""A function that returns when the organization that was swept least recently was swept, for doctor and metrics."""

from alembic import op

from shared.database import SERVING_ROLE

revision = "training_0007"
down_revision = "training_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION oldest_sweep() RETURNS timestamptz
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT min(coalesce((
                SELECT finished_at FROM sweep WHERE sweep.org_id = organization.id AND finished_at IS NOT NULL
                ORDER BY id DESC LIMIT 1), created_at))
            FROM organization WHERE training_enabled AND training_entitled
        $$""")
    op.execute("REVOKE ALL ON FUNCTION oldest_sweep FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION oldest_sweep TO {SERVING_ROLE}")
