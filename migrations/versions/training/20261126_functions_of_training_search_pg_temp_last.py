"""Functions of training with the owner's rights search temporary schemas last."""

from migrations.guards import search_pg_temp_last

revision = "training_0016"
down_revision = "training_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    search_pg_temp_last()
