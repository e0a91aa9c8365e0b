"""Erased parties are inactive and in no folder, for good; names are in Unicode NFC; languages; columns of files."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers

revision = "core_0012"
down_revision = "core_0015"
branch_labels = None
depends_on = None

TABLES = ("party", "folder", "folder_member", "event", "event_stream")


def upgrade() -> None:
    op.add_column("party", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("organization", sa.Column("language", sa.Text(), nullable=True))
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")  # the owner changes rows of every organization
    retire_erased_parties()
    op.execute("UPDATE party SET display_name = normalize(display_name) WHERE display_name IS NOT NORMALIZED")
    op.execute("UPDATE folder SET name = normalize(name) WHERE name IS NOT NORMALIZED")
    if sa.inspect(op.get_bind()).has_table("course"):
        compose_courses()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    keep_erased_parties()
    op.create_table(
        "file_column",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_file_column_org_id")),
        sa.PrimaryKeyConstraint("org_id", "name", name=op.f("pk_file_column")),
    )
    guard("file_column")
    racers("CONSTRAINT pk_file_column ON", "file_column", "Two imports that say what the same column means.")


def compose_courses() -> None:
    """Bring titles and codes of courses to Unicode NFC. A code that would then equal another one stays as it is.

    `rollcall doctor` names such codes. Courses belong to the other branch of migrations, and may not be there.
    """
    op.execute("ALTER TABLE course NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE course SET title = normalize(title) WHERE title IS NOT NORMALIZED")
    op.execute("""
        UPDATE course SET code = normalize(code)
        WHERE code IS NOT NORMALIZED AND NOT EXISTS (
            SELECT FROM course AS other
            WHERE other.org_id = course.org_id AND other.id <> course.id
                AND normalize(other.code) = normalize(course.code))""")
    op.execute("ALTER TABLE course FORCE ROW LEVEL SECURITY")


def retire_erased_parties() -> None:
    """Blank what is left of erased parties, with one event for each that changes. Numbers follow the last event."""
    op.execute("""
        CREATE TEMPORARY TABLE retired ON COMMIT DROP AS
        SELECT org_id, id, changed, row_number() OVER (PARTITION BY org_id ORDER BY id) AS n, active
        FROM party, LATERAL (SELECT array_remove(ARRAY[
            CASE WHEN member_id IS NOT NULL THEN 'memberId' END,
            CASE WHEN active THEN 'active' END,
            CASE WHEN EXISTS (SELECT FROM folder_member AS member
                              WHERE member.org_id = party.org_id AND member.party_id = party.id) THEN 'folders' END
        ], NULL) AS changed) AS found
        WHERE erased_at IS NOT NULL AND cardinality(changed) > 0""")
    op.execute("""
        UPDATE party SET active = false, member_id = NULL, updated_at = now()
        FROM retired WHERE party.org_id = retired.org_id AND party.id = retired.id""")
    op.execute("""
        DELETE FROM folder_member USING retired
        WHERE folder_member.org_id = retired.org_id AND folder_member.party_id = retired.id""")
    op.execute("""
        UPDATE event_stream SET last_sequence = last_sequence + of_org.count
        FROM (SELECT org_id, count(*) FROM retired GROUP BY org_id) AS of_org
        WHERE event_stream.org_id = of_org.org_id""")
    op.execute("""
        INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, party_id, data)
        SELECT org_id, last_sequence - count(*) OVER (PARTITION BY org_id) + n, 'party.changed', 'party/' || id, now(),
            'system', 'rollcall', id, jsonb_build_object('changed', changed)
                || CASE WHEN active THEN '{"active": false}'::jsonb ELSE '{}' END
        FROM retired JOIN event_stream USING (org_id)""")


def keep_erased_parties() -> None:
    """Let no program bring an erased party back, also none of the former release that runs beside this one."""
    op.execute("""
        CREATE FUNCTION party_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.erased_at IS NOT NULL THEN
                NEW.display_name := OLD.display_name;
                NEW.erased_at := OLD.erased_at;
            END IF;
            NEW.email := NULL;
            NEW.member_id := NULL;
            NEW.language := NULL;
            NEW.active := false;
            RETURN NEW;
        END $$""")
    op.execute("""
        CREATE TRIGGER erased_stays BEFORE UPDATE ON party FOR EACH ROW
        WHEN (OLD.erased_at IS NOT NULL OR NEW.erased_at IS NOT NULL) EXECUTE FUNCTION party_stays_erased()""")
    op.create_check_constraint("erased_is_inactive", "party", "erased_at IS NULL OR NOT active")
