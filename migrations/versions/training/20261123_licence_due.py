"""A table beside `licence` for the sweep's state, so that the sweep updates no index of `licence`.

A process of the former release that still runs finds nothing due: its column `due_at` exists, but is empty.
`licence.notices` and `licence.expired_at` stay for it too, see `LEFT_FOR_FORMER_RELEASES` in `env.py`.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard
from shared.database import SERVING_ROLE

revision = "training_0005"
down_revision = "training_0004"
branch_labels = None
depends_on = None

DUE_AT = "licence_due_at(expires_at, notices, expired_at, counts)"


def upgrade() -> None:
    op.execute(
        "LOCK TABLE licence IN ACCESS EXCLUSIVE MODE"
    )  # first, to avoid a deadlock with a writer that waits for us
    create_table()
    follow_licences()
    op.execute("ALTER TABLE licence DROP COLUMN due_at, ADD COLUMN due_at timestamptz")
    op.execute("DROP FUNCTION licence_due_at(timestamptz, integer, timestamptz, timestamptz, timestamptz)")


def create_table() -> None:
    op.execute("""
        CREATE FUNCTION licence_due_at(
            expires_at timestamptz, notices integer, expired_at timestamptz, counts boolean
        ) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN counts AND (expired_at IS NULL OR expired_at < expires_at) THEN
                (expires_at AT TIME ZONE 'UTC' -
                    CASE notices WHEN 0 THEN interval '60 days' WHEN 1 THEN interval '30 days'
                    WHEN 2 THEN interval '7 days' ELSE interval '0' END) AT TIME ZONE 'UTC' END
        $$""")
    op.create_table(
        "licence_due",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("licence_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("notices", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), sa.Computed(DUE_AT, persisted=True), nullable=True),
        sa.CheckConstraint("notices BETWEEN 0 AND 3", name=op.f("ck_licence_due_notices")),
    )
    op.execute("""
        INSERT INTO licence_due (org_id, licence_id, expires_at, counts, notices, expired_at)
        SELECT org_id, id, expires_at, revoked_at IS NULL AND superseded_at IS NULL, notices, expired_at
        FROM licence ORDER BY org_id, id""")
    op.create_primary_key("pk_licence_due", "licence_due", ["org_id", "licence_id"])
    op.create_foreign_key(
        "fk_licence_due_org_id_licence_id", "licence_due", "licence", ["org_id", "licence_id"], ["org_id", "id"]
    )
    op.create_index(
        "ix_licence_due_at",
        "licence_due",
        ["org_id", "due_at", "licence_id"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    guard("licence_due", allow="SELECT, INSERT, UPDATE")


def follow_licences() -> None:
    """Create triggers, run once a statement, that update `licence_due`.

    A trigger's plan is cached, even if it was made while the table was small; so the settings force a plan by index.
    """
    op.execute("""
        CREATE FUNCTION licences_granted() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
        BEGIN
            INSERT INTO licence_due (org_id, licence_id, expires_at, counts)
            SELECT org_id, id, expires_at, revoked_at IS NULL AND superseded_at IS NULL FROM changed;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION licences_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public
            SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
        BEGIN
            UPDATE licence_due AS due
            SET expires_at = changed.expires_at, counts = revoked_at IS NULL AND superseded_at IS NULL
            FROM changed WHERE due.org_id = changed.org_id AND licence_id = id
                AND (due.expires_at, counts) IS DISTINCT FROM
                    (changed.expires_at, revoked_at IS NULL AND superseded_at IS NULL);
            RETURN NULL;
        END $$""")
    for verb, function in (("INSERT", "licences_granted"), ("UPDATE", "licences_changed")):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {SERVING_ROLE}")
        op.execute(f"""
            CREATE TRIGGER {function} AFTER {verb} ON licence REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION {function}()""")
