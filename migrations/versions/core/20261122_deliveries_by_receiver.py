"""An index of waiting deliveries by receiver and order; the column `queued_at`, since when a delivery is tried."""

import sqlalchemy as sa
from alembic import op

revision = "core_0004"
down_revision = "core_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "ALTER TABLE delivery NO FORCE ROW LEVEL SECURITY"
    )  # the owner must update the rows of every organization
    op.execute("UPDATE delivery SET queued_at = created_at")
    op.execute("ALTER TABLE delivery FORCE ROW LEVEL SECURITY")
    op.alter_column("delivery", "queued_at", nullable=False)
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["org_id", "channel", "receiver", "sequence"],
        postgresql_where=sa.text("state = 'queued'"),
    )
