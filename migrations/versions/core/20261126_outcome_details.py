"""A sentence of its own for an outcome, where that of its code does not say everything."""

import sqlalchemy as sa
from alembic import op

revision = "core_0014"
down_revision = "core_0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_outcome", sa.Column("detail", sa.Text(), nullable=True))
