"""Erasing a party blanks the notes of its completions and licences, those of parties that were erased before too.

What a job has kept of an assignment for its undo holds the note as well, so the serving role may change that column.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import SERVING_ROLE

revision = "training_0017"
down_revision = "training_0016"
branch_labels = None
depends_on = None

BLANK = (
    """UPDATE assignment SET completion_note = NULL FROM party
       WHERE party.org_id = :org AND erased_at IS NOT NULL AND assignment.org_id = party.org_id
           AND assignment.party_id = party.id AND completion_note IS NOT NULL""",
    """UPDATE assignment_change SET former = former - 'completion_note' FROM assignment, party
       WHERE party.org_id = :org AND erased_at IS NOT NULL AND assignment.org_id = party.org_id
           AND assignment.party_id = party.id AND assignment_change.org_id = assignment.org_id
           AND assignment_id = assignment.id AND former ? 'completion_note'""",
    """UPDATE licence SET note = NULL FROM party
       WHERE party.org_id = :org AND erased_at IS NOT NULL AND licence.org_id = party.org_id
           AND licence.party_id = party.id AND note IS NOT NULL""",
)


def upgrade() -> None:
    op.execute(f"GRANT UPDATE (former) ON assignment_change TO {SERVING_ROLE}")
    op.create_index(
        "ix_assignment_change_noted",
        "assignment_change",
        ["org_id", "assignment_id"],
        postgresql_where=sa.text("former ? 'completion_note'"),
    )
    bind = op.get_bind()
    for (org_id,) in bind.execute(sa.text("SELECT id FROM organization ORDER BY id")).all():
        # row-level security shows the owner one organization at a time
        bind.execute(sa.text("SELECT set_config('rollcall.org', :org, true)"), {"org": org_id})
        for blank in BLANK:
            bind.execute(sa.text(blank), {"org": org_id})
    bind.execute(sa.text("SELECT set_config('rollcall.org', '', true)"))
