"""Columns for completing, closing and reopening assignments; an index for each order in which they are listed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "training_0002"
down_revision = "training_0001"
branch_labels = None
depends_on = None

ADDED: dict[str, sa.types.TypeEngine[Any]] = {
    "completion_method": sa.Text(),
    "completed_by_type": sa.Text(),
    "completed_by_id": sa.Text(collation="C"),
    "completed_at": sa.DateTime(timezone=True),
    "occurred_on": sa.Date(),
    "completion_note": sa.Text(),
    "completion_job_id": sa.Uuid(),
    "public_session_id": sa.Text(collation="C"),
    "closed_by_type": sa.Text(),
    "closed_by_id": sa.Text(collation="C"),
    "closed_at": sa.DateTime(timezone=True),
    "closure_reason": sa.Text(),
    "reassigned_to": sa.Uuid(),
}


def upgrade() -> None:
    op.add_column("assignment", sa.Column("link_epoch", sa.Integer(), server_default="0", nullable=False))
    due_key = sa.Computed("COALESCE(due_on, '9999-12-31'::date)", persisted=True)
    op.add_column("assignment", sa.Column("due_key", sa.Date(), due_key, nullable=False))
    for name, kind in ADDED.items():
        op.add_column("assignment", sa.Column(name, kind, nullable=True))
    op.create_check_constraint("completion", "assignment", "(state = 'completed') = (completed_at IS NOT NULL)")
    op.create_check_constraint("closure", "assignment", "(state = 'closed') = (closed_at IS NOT NULL)")
    op.create_index("ix_assignment_org_id_course_id_id", "assignment", ["org_id", "course_id", "id"])
    op.create_index("ix_assignment_org_id_course_version_id_id", "assignment", ["org_id", "course_version_id", "id"])
    op.create_index("ix_assignment_org_id_state_id", "assignment", ["org_id", "state", "id"])
    op.create_index("ix_assignment_org_id_due_key_id", "assignment", ["org_id", "due_key", "id"])
