"""Columns and a table for taking back: former values, licences that a job revoked, completions that closed others.

Everything is added with a default, and nothing that processes of the former release read changes. They write none of
the new columns: an attendance that they record still shows, unless it is `attended`, which counts the same; and what
they close, revoke or change is taken for touched by hand, so that no undo changes it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.guards import guard

revision = "training_0009"
down_revision = "training_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("course", sa.Column("newer_satisfies", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("assignment", sa.Column("satisfied_by", sa.Uuid(), nullable=True))
    op.add_column("roster_entry", sa.Column("attendance_recorded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("licence", sa.Column("revoked_job_id", sa.Uuid(), nullable=True))
    op.create_table(
        "assignment_change",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("former", JSONB(), nullable=False),
        sa.Column("moved_to", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_assignment_change_org_id_job_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "assignment_id"],
            ["assignment.org_id", "assignment.id"],
            name=op.f("fk_assignment_change_org_id_assignment_id"),
        ),
        sa.PrimaryKeyConstraint("org_id", "job_id", "assignment_id", name=op.f("pk_assignment_change")),
    )
    guard("assignment_change", allow="SELECT, INSERT")
