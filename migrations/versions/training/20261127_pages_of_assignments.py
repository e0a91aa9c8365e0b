"""Indexes with which pages of assignments are found, whatever their filters and their order: docs/decisions/0024.

They are made beside the former ones, without stopping writers. Those that they replace stay while processes of the
former release run: see `migrations.finishing`.
"""

import sqlalchemy as sa
from alembic import op

from migrations.finishing import IS_EMPTY

revision = "training_0019"
down_revision = "training_0017"
branch_labels = None
depends_on = None

NEW = {
    "ix_assignment_org_id_state_due_key_id": ["state", "due_key", "id"],
    "ix_assignment_org_id_course_version_id_state_id": ["course_version_id", "state", "id"],
    "ix_assignment_org_id_course_version_id_state_due_key_id": ["course_version_id", "state", "due_key", "id"],
    "ix_assignment_org_id_job_id_state_due_key_id": ["job_id", "state", "due_key", "id"],
    "ix_assignment_of_party": ["party_id", "id", "course_version_id", "state", "due_key"],
}
REPLACED = (
    "ix_assignment_org_id_due_key_id",
    "ix_assignment_org_id_course_version_id_id",
    "ix_assignment_org_id_course_id_id",
    "ix_assignment_org_id_party_id_id",
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, columns in NEW.items():
            # One that an attempt left behind which was broken off is invalid, and is made anew.
            op.drop_index(name, "assignment", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "assignment", ["org_id", *columns], postgresql_concurrently=True)
        if op.get_bind().scalar(sa.text(IS_EMPTY)):
            for name in REPLACED:
                op.drop_index(name, "assignment", if_exists=True, postgresql_concurrently=True)
