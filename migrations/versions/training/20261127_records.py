"""Records of the past: licences that were earned elsewhere or before, the rows of imports, and retired versions.

Everything is added. A process of the former release inserts licences as before; it does not know the state `retired`
and the rule `recorded`, so records are imported after the last one has ended: docs/operations.md. What an undo takes
out is revoked too, so that such a process lets nobody in by it.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "training_0018"
down_revision = "training_0019"
branch_labels = None
depends_on = None

EARNED_BY_ONE = "num_nonnulls(session_id, assignment_id, record_key) = 1"
KEY = ["org_id", "party_id", "course_id", "completed_on", "record_key"]
STANDING = "record_key IS NOT NULL AND undone_at IS NULL"


def upgrade() -> None:
    extend_versions()
    extend_licences()
    follow_records()
    create_rows()
    follow_chunks()
    with op.get_context().autocommit_block():
        for name in ("earned_by_one", "record_is_whole", "undone_is_revoked"):
            op.execute(f"ALTER TABLE licence VALIDATE CONSTRAINT ck_licence_{name}")
        # One that an attempt left behind which was broken off is invalid, and is made anew.
        op.drop_index("uq_licence_record", "licence", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "uq_licence_record",
            "licence",
            KEY,
            unique=True,
            postgresql_where=sa.text(STANDING),
            postgresql_concurrently=True,
        )
    racers("INDEX", "uq_licence_record", "Two imports of one file at once.")


def extend_versions() -> None:
    """Allow the state `retired`: never published, so without the day and the names of a publication."""
    op.execute("""
        ALTER TABLE course_version
            DROP CONSTRAINT ck_course_version_state,
            DROP CONSTRAINT ck_course_version_published_at,
            ADD CONSTRAINT ck_course_version_state CHECK (state IN ('draft', 'active', 'superseded', 'retired')),
            ADD CONSTRAINT ck_course_version_published_at
                CHECK ((state IN ('draft', 'retired')) = (published_at IS NULL))""")


def extend_licences() -> None:
    op.execute(f"""
        ALTER TABLE licence
            ADD COLUMN IF NOT EXISTS record_key text,
            ADD COLUMN IF NOT EXISTS record_row integer,
            ADD COLUMN IF NOT EXISTS record_line integer,
            ADD COLUMN IF NOT EXISTS completed_on date,
            ADD COLUMN IF NOT EXISTS issuer text,
            ADD COLUMN IF NOT EXISTS superseded_by_id uuid,
            ADD COLUMN IF NOT EXISTS undone_at timestamptz,
            DROP CONSTRAINT IF EXISTS ck_licence_earned_by_one,
            DROP CONSTRAINT IF EXISTS ck_licence_record_is_whole,
            DROP CONSTRAINT IF EXISTS ck_licence_undone_is_revoked,
            ADD CONSTRAINT ck_licence_earned_by_one CHECK ({EARNED_BY_ONE}) NOT VALID,
            ADD CONSTRAINT ck_licence_record_is_whole CHECK ((record_key IS NULL) = (completed_on IS NULL)) NOT VALID,
            ADD CONSTRAINT ck_licence_undone_is_revoked
                CHECK (undone_at IS NULL OR revoked_at IS NOT NULL) NOT VALID""")


def follow_records() -> None:
    """Let the sweep pass over the end of a record that had ended when it came."""
    op.execute("""
        CREATE OR REPLACE FUNCTION licences_granted() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public AS $$
        BEGIN
            INSERT INTO licence_due (org_id, licence_id, expires_at, counts, notices, expired_at)
            SELECT org_id, id, expires_at, revoked_at IS NULL AND superseded_at IS NULL,
                (expires_at - interval '60 days' <= granted_at)::int
                + (expires_at - interval '30 days' <= granted_at)::int
                + (expires_at - interval '7 days' <= granted_at)::int,
                CASE WHEN record_key IS NOT NULL AND expires_at <= granted_at THEN granted_at END
            FROM changed;
            RETURN NULL;
        END $$""")


def create_rows() -> None:
    if sa.inspect(op.get_bind()).has_table("record_row"):
        return  # an attempt that was broken off while it read the licences
    op.create_table(
        "record_row",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("party_id", sa.Text(collation="C"), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=True),
        sa.Column("course_code", sa.Text(), nullable=True),
        sa.Column("version_label", sa.Text(), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_record_row_org_id")),
        sa.PrimaryKeyConstraint("org_id", "import_id", "row", name=op.f("pk_record_row")),
    )
    guard("record_row")


def follow_chunks() -> None:
    """Find the party of a recipient that is a row of a file: its id is the first word of the recipient's.

    A trigger of its own beside that for assignments, which belongs to the other branch of migrations.
    """
    op.execute("""
        CREATE OR REPLACE FUNCTION job_chunk_rows() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public SET enable_seqscan = off AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM job WHERE org_id = NEW.org_id AND id = NEW.job_id AND request ->> 'by' = 'record'
            ) THEN
                NEW.party_ids := (
                    SELECT array_agg(split_part(one.id, ' ', 1) ORDER BY one.n)
                    FROM unnest(NEW.recipients) WITH ORDINALITY AS one(id, n));
            END IF;
            RETURN NEW;
        END $$""")
    op.execute("REVOKE ALL ON FUNCTION job_chunk_rows FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION job_chunk_rows TO {SERVING_ROLE}")
    op.execute("""
        CREATE OR REPLACE TRIGGER job_chunk_rows BEFORE INSERT ON job_chunk
        FOR EACH ROW EXECUTE FUNCTION job_chunk_rows()""")
