"""Erasing a party blanks the notes of its completions and licences, those of parties that were erased before too.

What a job has kept of an assignment for its undo holds the note as well, so the serving role may change that column.
"""

import sqlalchemy as sa
from alembic import op

from migrations import erased
from shared.database import SERVING_ROLE

revision = "training_0017"
down_revision = "training_0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(f"GRANT UPDATE (former) ON assignment_change TO {SERVING_ROLE}")
    op.create_index(
        "ix_assignment_change_noted",
        "assignment_change",
        ["org_id", "assignment_id"],
        postgresql_where=sa.text("former ? 'completion_note'"),
    )
    bind = op.get_bind()
    for (org_id,) in bind.exec_driver_sql(erased.ORGANIZATIONS).all():
        for statement in (erased.SHOW, *erased.NOTES):
            bind.exec_driver_sql(statement, {"org": org_id})
    bind.exec_driver_sql(erased.SHOW, {"org": ""})
