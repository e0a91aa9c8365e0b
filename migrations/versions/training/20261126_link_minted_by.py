"""The member who minted the session link of a completion."""

import sqlalchemy as sa
from alembic import op

revision = "training_0008"
down_revision = "training_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assignment", sa.Column("link_minted_by", sa.Text(collation="C"), nullable=True))
