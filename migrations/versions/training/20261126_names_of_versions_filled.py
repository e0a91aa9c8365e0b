"""Versions that were published before get the title, code and description that their course has now.

A thousand at a time, each in a transaction of its own, so that nobody who publishes waits for long. A run that is
interrupted goes on where it stopped: it looks for versions without a title.
"""

import sqlalchemy as sa
from alembic import op

revision = "training_0012"
down_revision = "training_0011"
branch_labels = None
depends_on = None

A_BATCH = 1000

FILL = """
    UPDATE course_version AS version SET title = course.title, code = course.code, description = course.description
    FROM course WHERE course.org_id = version.org_id AND course.id = version.course_id
        AND version.org_id = :org AND version.id = ANY (ARRAY(
            SELECT id FROM course_version
            WHERE org_id = :org AND state IN ('active', 'superseded') AND title IS NULL LIMIT :most))"""


def upgrade() -> None:
    with op.get_context().autocommit_block():
        bind = op.get_bind()
        try:
            for (org_id,) in bind.execute(sa.text("SELECT id FROM organization ORDER BY id")).all():
                # row-level security shows the owner one organization at a time
                bind.execute(sa.text("SELECT set_config('rollcall.org', :org, false)"), {"org": org_id})
                while bind.execute(sa.text(FILL), {"org": org_id, "most": A_BATCH}).rowcount == A_BATCH:
                    pass
        finally:
            bind.execute(sa.text("SELECT set_config('rollcall.org', '', false)"))
