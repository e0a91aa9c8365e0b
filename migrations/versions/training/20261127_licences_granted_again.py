"""When an undo granted a licence again, so that a check of the days before answers what was true then.

Null for all others, for what was granted again before, and for what a process of an earlier release grants again.
"""

from alembic import op

revision = "training_0030"
down_revision = "training_0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE licence ADD COLUMN IF NOT EXISTS restored_at timestamptz")
