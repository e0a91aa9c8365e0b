"""The planner starts after the last event, so that no delivery is made for events older than deliveries."""

from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE event_consumer NO FORCE ROW LEVEL SECURITY"
    )  # the owner must insert rows for every organization
    op.execute("""
        INSERT INTO event_consumer (org_id, name, last_sequence)
        SELECT org_id, 'planner', last_sequence FROM event_stream WHERE last_sequence > 0 ON CONFLICT DO NOTHING""")
    op.execute("ALTER TABLE event_consumer FORCE ROW LEVEL SECURITY")
