"""The policy for the dates of licences, and on a licence when it begins and from when its months count.

`valid_from` is null where a licence begins when it is granted, so that no row is written now and a process of the
former release, which does not know the column, grants as before. The check of the dates is replaced without reading
the licences under the lock that adding it takes: they are read afterwards, while writers go on.
"""

import sqlalchemy as sa
from alembic import op

revision = "training_0013"
down_revision = "training_0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    extend_courses()
    op.execute("""
        ALTER TABLE licence
            ADD COLUMN IF NOT EXISTS valid_from timestamptz,
            ADD COLUMN IF NOT EXISTS counted_from timestamptz,
            ADD COLUMN IF NOT EXISTS ends text,
            DROP CONSTRAINT IF EXISTS ck_licence_expires_after_grant,
            DROP CONSTRAINT IF EXISTS ck_licence_expires_after_beginning,
            ADD CONSTRAINT ck_licence_expires_after_beginning
                CHECK (expires_at > coalesce(valid_from, granted_at)) NOT VALID""")
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE licence VALIDATE CONSTRAINT ck_licence_expires_after_beginning")


def extend_courses() -> None:
    """Add the policy. All defaults are what the former release does."""
    if "licence_from" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("course")}:
        return  # an attempt that was broken off while it read the licences
    op.add_column("course", sa.Column("licence_from", sa.Text(), server_default="granted", nullable=False))
    op.add_column("course", sa.Column("licence_ends", sa.Text(), server_default="instant", nullable=False))
    op.add_column("course", sa.Column("renewable_days", sa.Integer(), nullable=True))
    op.create_check_constraint("licence_from", "course", "licence_from IN ('granted', 'training')")
    op.create_check_constraint("licence_ends", "course", "licence_ends IN ('instant', 'end_of_day', 'end_of_month')")
    op.create_check_constraint("renewable_days_positive", "course", "renewable_days > 0")
