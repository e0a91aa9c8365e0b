"""Functions of core with the owner's rights search temporary schemas last."""

from migrations.guards import search_pg_temp_last

revision = "core_0018"
down_revision = "core_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    search_pg_temp_last()
