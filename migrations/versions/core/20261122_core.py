"""Core: organizations, events, the directory and jobs, all with row-level security."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    create_role()
    create_uuidv7()
    create_organizations_and_events()
    create_directory()
    create_jobs()
    create_job_functions()


def create_role() -> None:
    """Create the serving role. It cannot log in unless the operator allows it; the owner may act as it."""
    op.execute(f"""
        DO $$ BEGIN
            CREATE ROLE {SERVING_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$""")
    op.execute(f"""
        DO $$ BEGIN
            GRANT {SERVING_ROLE} TO CURRENT_USER;
        EXCEPTION WHEN insufficient_privilege THEN
            IF NOT pg_has_role(current_user, '{SERVING_ROLE}', 'MEMBER') THEN RAISE; END IF;
        END $$""")
    op.execute(f"GRANT SELECT ON alembic_version TO {SERVING_ROLE}")  # so that readiness can check the version


def create_uuidv7() -> None:
    """Create uuidv7() for PostgreSQL before 18: 48 bits of milliseconds, then the bits of a random UUID."""
    op.execute("""
        DO $$ BEGIN
            IF current_setting('server_version_num')::int < 180000 THEN
                CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $f$
                    SELECT encode(
                        set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
                            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
                $f$;
            END IF;
        END $$""")


def create_organizations_and_events() -> None:
    op.create_table(
        "organization",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("training_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("training_entitled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("change_limit", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:-]{1,64}$'", name=op.f("ck_organization_id_form")),
        sa.CheckConstraint("change_limit >= 0", name=op.f("ck_organization_change_limit_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
    )
    op.create_table(
        "event_stream",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_event_stream_org_id")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_event_stream")),
    )
    op.create_table(
        "event",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(collation="C"), nullable=False),
        sa.Column("party_id", sa.Text(collation="C"), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "sequence", name=op.f("pk_event")),
    )
    op.create_index(
        "ix_event_org_id_party_id",
        "event",
        ["org_id", "party_id", "sequence"],
        unique=False,
        postgresql_where=sa.text("party_id IS NOT NULL"),
    )
    guard("organization", column="id", allow="SELECT, INSERT, UPDATE")
    guard("event_stream", allow="SELECT, INSERT, UPDATE")
    guard("event", allow="SELECT, INSERT")  # append-only: the serving role cannot alter or delete an event


def create_directory() -> None:
    op.create_table(
        "party",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("member_id", sa.Text(collation="C"), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:-]{1,64}$'", name=op.f("ck_party_id_form")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_party_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_party")),
    )
    op.create_index(
        "ix_party_org_id_member_id",
        "party",
        ["org_id", "member_id"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_table(
        "folder",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id ~ '^[A-Za-z0-9._:-]{1,64}$'", name=op.f("ck_folder_id_form")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_folder_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_folder")),
    )
    op.create_table(
        "folder_member",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("folder_id", sa.Text(collation="C"), nullable=False),
        sa.Column("party_id", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "folder_id"], ["folder.org_id", "folder.id"], name=op.f("fk_folder_member_org_id_folder_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "party_id"], ["party.org_id", "party.id"], name=op.f("fk_folder_member_org_id_party_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "folder_id", "party_id", name=op.f("pk_folder_member")),
    )
    op.create_index("ix_folder_member_org_id_party_id", "folder_member", ["org_id", "party_id"], unique=False)
    guard("party", allow="SELECT, INSERT, UPDATE")
    guard("folder", allow="SELECT, INSERT, UPDATE")
    guard("folder_member")


def create_jobs() -> None:
    op.create_table(
        "job",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("succeeded", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "pending",
            sa.Integer(),
            sa.Computed("total - succeeded - unchanged - failed - cancelled", persisted=True),
            nullable=False,
        ),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("scope", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("submitted_by_type", sa.Text(), nullable=False),
        sa.Column("submitted_by_id", sa.Text(collation="C"), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'awaiting_approval', 'running', 'cancelling', "
            "'succeeded', 'partially_succeeded', 'failed', 'cancelled')",
            name=op.f("ck_job_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('succeeded', 'partially_succeeded', 'failed', 'cancelled') "
            "OR (pending = 0 AND finished_at IS NOT NULL)",
            name=op.f("ck_job_final_has_nothing_pending"),
        ),
        sa.CheckConstraint(
            "least(total, succeeded, unchanged, failed, cancelled, pending) >= 0", name=op.f("ck_job_counts_positive")
        ),
        sa.ForeignKeyConstraint(["org_id", "retry_of"], ["job.org_id", "job.id"], name=op.f("fk_job_org_id_retry_of")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_job_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_job")),
        sa.UniqueConstraint("org_id", "idempotency_key", name=op.f("uq_job_org_id_idempotency_key")),
    )
    op.create_index(
        "ix_job_unfinished",
        "job",
        ["progressed_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'running', 'cancelling')"),
    )
    op.create_table(
        "job_chunk",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipients", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'cancelled', 'split')", name=op.f("ck_job_chunk_state")),
        sa.CheckConstraint("cardinality(recipients) > 0", name=op.f("ck_job_chunk_not_empty")),
        sa.ForeignKeyConstraint(
            ["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_job_chunk_org_id_job_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "job_id", "n", name=op.f("pk_job_chunk")),
    )
    op.create_index(
        "ix_job_chunk_pending",
        "job_chunk",
        ["org_id", "job_id", "n"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "job_outcome",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("entity_id", sa.Text(collation="C"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("outcome IN ('unchanged', 'failed')", name=op.f("ck_job_outcome_outcome")),
        sa.ForeignKeyConstraint(
            ["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_job_outcome_org_id_job_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "job_id", "entity_id", name=op.f("pk_job_outcome")),
    )
    guard("job", allow="SELECT, INSERT, UPDATE")
    guard("job_chunk", allow="SELECT, INSERT, UPDATE")
    guard("job_outcome", allow="SELECT, INSERT")
    racers("CONSTRAINT uq_job_org_id_idempotency_key ON", "job", "A client and its own retry, at once.")
    racers("CONSTRAINT pk_job_outcome ON", "job_outcome", "Two workers that hold the same chunk.")
    op.execute("""
        CREATE FUNCTION job_final_states_stay() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'job % is %, which is final', OLD.id, OLD.state USING ERRCODE = 'check_violation';
        END $$""")
    op.execute("""
        CREATE TRIGGER final_states_stay BEFORE UPDATE ON job FOR EACH ROW
        WHEN (OLD.state IN ('succeeded', 'partially_succeeded', 'failed', 'cancelled') AND
            (OLD.state, OLD.total, OLD.succeeded, OLD.unchanged, OLD.failed, OLD.cancelled, OLD.finished_at)
            IS DISTINCT FROM
            (NEW.state, NEW.total, NEW.succeeded, NEW.unchanged, NEW.failed, NEW.cancelled, NEW.finished_at))
        EXECUTE FUNCTION job_final_states_stay()""")


def create_job_functions() -> None:
    """Create functions that find due jobs and list the organizations, across all organizations.

    The serving role may not read across organizations. These functions run as the owner and return only ids.
    """
    op.execute("CREATE POLICY owner_finds_due_work ON job FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_with_due_jobs(quiet_since timestamptz) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT DISTINCT org_id FROM job
            WHERE state IN ('queued', 'running', 'cancelling') AND progressed_at < quiet_since
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organizations_with_due_jobs FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organizations_with_due_jobs TO {SERVING_ROLE}")
    op.execute("CREATE POLICY owner_lists_organizations ON organization FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organization_ids() RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id FROM organization ORDER BY id
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organization_ids FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organization_ids TO {SERVING_ROLE}")
