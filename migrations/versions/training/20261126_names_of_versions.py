"""A published version keeps the course's title, code and description as they were when it was published.

The columns are null in drafts, and in versions of the former release until `training_0012` has filled them. Processes
of the former release publish without knowing the columns; a trigger fills them then.
"""

import sqlalchemy as sa
from alembic import op

from shared.database import SERVING_ROLE

revision = "training_0011"
down_revision = "training_0008"
branch_labels = None
depends_on = None

OTHERS = "'{state,title,code,description}'::text[]"


def upgrade() -> None:
    for name in ("title", "code", "description"):
        op.add_column("course_version", sa.Column(name, sa.Text(), nullable=True))
    op.execute("""
        CREATE FUNCTION course_version_named() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public AS $$
        BEGIN
            SELECT title, code, description INTO NEW.title, NEW.code, NEW.description
            FROM course WHERE org_id = NEW.org_id AND id = NEW.course_id;
            RETURN NEW;
        END $$""")
    op.execute("REVOKE ALL ON FUNCTION course_version_named FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION course_version_named TO {SERVING_ROLE}")
    op.execute("""
        CREATE TRIGGER named_when_published BEFORE INSERT OR UPDATE ON course_version FOR EACH ROW
        WHEN (NEW.state IN ('active', 'superseded') AND NEW.title IS NULL) EXECUTE FUNCTION course_version_named()""")
    op.execute("DROP TRIGGER published_stays ON course_version")
    op.execute(f"""
        CREATE TRIGGER published_stays BEFORE UPDATE ON course_version FOR EACH ROW
        WHEN (OLD.state <> 'draft' AND (
            (to_jsonb(OLD) - {OTHERS}) IS DISTINCT FROM (to_jsonb(NEW) - {OTHERS})
            OR (OLD.title IS NOT NULL AND
                (OLD.title, OLD.code, OLD.description) IS DISTINCT FROM (NEW.title, NEW.code, NEW.description))
            OR (OLD.state, NEW.state) NOT IN (('active', 'active'), ('active', 'superseded'),
                ('superseded', 'superseded'))))
        EXECUTE FUNCTION course_version_published_stays()""")
