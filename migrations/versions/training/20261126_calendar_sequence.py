"""Columns for the number and the time of a session's calendar file: its roster's revision, and a time that rises.

Both columns are read as 0 and null by rows that are not changed, so the table is not rewritten. A process of the former
release changes a roster without raising them, as it always did.
"""

import sqlalchemy as sa
from alembic import op

revision = "training_0014"
down_revision = "training_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("training_session", sa.Column("roster_revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("training_session", sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=True))
