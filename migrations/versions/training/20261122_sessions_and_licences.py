"""Sessions with their rosters, licences and sweeps; renewal settings of courses; reminder days of assignments."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "training_0003"
down_revision = "training_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    extend_courses()
    extend_assignments()
    create_sessions()
    create_licences()
    create_sweeps()


def extend_courses() -> None:
    op.add_column("course", sa.Column("renewal_window_days", sa.Integer(), nullable=True))
    op.add_column("course", sa.Column("early_renewal", sa.Text(), server_default="resets", nullable=False))
    op.add_column("course", sa.Column("renew_before_days", sa.Integer(), nullable=True))
    op.create_check_constraint("early_renewal", "course", "early_renewal IN ('resets', 'keepsAnniversary')")
    op.create_check_constraint("renewal_days_positive", "course", "renewal_window_days > 0 AND renew_before_days > 0")


def extend_assignments() -> None:
    op.execute("""
        CREATE FUNCTION reminder_day(state text, due_on date, reminders integer) RETURNS date
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN state = 'assigned' THEN due_on +
                CASE reminders WHEN 0 THEN -7 WHEN 1 THEN -1 WHEN 2 THEN 1 WHEN 3 THEN 7 WHEN 4 THEN 30 END END
        $$""")
    op.add_column("assignment", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
    remind_on = sa.Computed("reminder_day(state, due_on, reminders)", persisted=True)
    op.add_column("assignment", sa.Column("remind_on", sa.Date(), remind_on, nullable=True))
    op.create_index(
        "ix_assignment_remind",
        "assignment",
        ["org_id", "remind_on", "id"],
        postgresql_where=sa.text("remind_on IS NOT NULL"),
    )


def instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def external(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def points_at(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    """A foreign key that includes the organization, so that no row points into another one."""
    key = [f"{other}.org_id", f"{other}.id"]
    return sa.ForeignKeyConstraint(["org_id", column], key, name=op.f(f"fk_{table}_org_id_{column}"))


def create_sessions() -> None:
    op.create_table(
        "training_session",
        external("org_id"),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("course_version_id", sa.Uuid(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        instant("starts_at"),
        instant("ends_at"),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("join_url", sa.Text(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("scheduled_by_type", sa.Text(), nullable=False),
        external("scheduled_by_id"),
        instant("created_at"),
        instant("updated_at"),
        sa.Column("completed_by_type", sa.Text(), nullable=True),
        external("completed_by_id", nullable=True),
        instant("completed_at", nullable=True),
        sa.Column("completion_job_id", sa.Uuid(), nullable=True),
        instant("cancelled_at", nullable=True),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("mode IN ('online', 'in_person')", name=op.f("ck_training_session_mode")),
        sa.CheckConstraint(
            "state IN ('scheduled', 'completing', 'completed', 'cancelled')", name=op.f("ck_training_session_state")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_training_session_ends_after_start")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_training_session_capacity_positive")),
        sa.CheckConstraint(
            "(state IN ('completing', 'completed')) = (completed_at IS NOT NULL AND completion_job_id IS NOT NULL)",
            name=op.f("ck_training_session_completion"),
        ),
        sa.CheckConstraint(
            "(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_training_session_cancellation")
        ),
        points_at("training_session", "course_id", "course"),
        points_at("training_session", "course_version_id", "course_version"),
        points_at("training_session", "completion_job_id", "job"),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_training_session")),
    )
    op.create_index("ix_training_session_org_id_starts_at_id", "training_session", ["org_id", "starts_at", "id"])
    op.create_index(
        "ix_training_session_org_id_course_id_starts_at", "training_session", ["org_id", "course_id", "starts_at"]
    )
    op.create_table(
        "roster_entry",
        external("org_id"),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        external("party_id"),
        sa.Column("attendance", sa.Text(), server_default="attended", nullable=False),
        sa.Column("added_by_type", sa.Text(), nullable=False),
        external("added_by_id"),
        instant("added_at"),
        instant("amended_at", nullable=True),
        instant("removed_at", nullable=True),
        sa.CheckConstraint("attendance IN ('attended', 'absent', 'excused')", name=op.f("ck_roster_entry_attendance")),
        points_at("roster_entry", "session_id", "training_session"),
        points_at("roster_entry", "party_id", "party"),
        sa.PrimaryKeyConstraint("org_id", "session_id", "party_id", name=op.f("pk_roster_entry")),
    )
    op.create_index("ix_roster_entry_org_id_party_id_session_id", "roster_entry", ["org_id", "party_id", "session_id"])
    guard("training_session", allow="SELECT, INSERT, UPDATE")
    guard("roster_entry")
    racers("CONSTRAINT pk_roster_entry ON", "roster_entry", "Two members who add one party to a roster at once.")


DUE_AT = "licence_due_at(expires_at, notices, expired_at, superseded_at, revoked_at)"


def create_licences() -> None:
    op.execute("""
        CREATE FUNCTION licence_due_at(
            expires_at timestamptz, notices integer, expired_at timestamptz, superseded_at timestamptz,
            revoked_at timestamptz
        ) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN coalesce(revoked_at, superseded_at, expired_at) IS NULL THEN
                (expires_at AT TIME ZONE 'UTC' -
                    CASE notices WHEN 0 THEN interval '60 days' WHEN 1 THEN interval '30 days'
                    WHEN 2 THEN interval '7 days' ELSE interval '0' END) AT TIME ZONE 'UTC' END
        $$""")
    op.execute("""
        CREATE FUNCTION licence_code() RETURNS text LANGUAGE sql VOLATILE AS $$
            SELECT upper(left(gen_random_uuid()::text, 8) || right(gen_random_uuid()::text, 8))
        $$""")
    op.create_table(
        "licence",
        external("org_id"),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        external("party_id"),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("course_version_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("assignment_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("granted_by_type", sa.Text(), nullable=False),
        external("granted_by_id"),
        instant("granted_at"),
        instant("expires_at"),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("renews_id", sa.Uuid(), nullable=True),
        sa.Column("code", sa.Text(), server_default=sa.text("licence_code()"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("notices", sa.Integer(), server_default="0", nullable=False),
        instant("expired_at", nullable=True),
        sa.Column("renewal_on", sa.Date(), nullable=True),
        instant("superseded_at", nullable=True),
        instant("revoked_at", nullable=True),
        sa.Column("revoked_by_type", sa.Text(), nullable=True),
        external("revoked_by_id", nullable=True),
        sa.Column("revocation_reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), sa.Computed(DUE_AT, persisted=True), nullable=True),
        sa.CheckConstraint("expires_at > granted_at", name=op.f("ck_licence_expires_after_grant")),
        sa.CheckConstraint("(session_id IS NULL) <> (assignment_id IS NULL)", name=op.f("ck_licence_earned_by_one")),
        sa.CheckConstraint("notices BETWEEN 0 AND 3", name=op.f("ck_licence_notices")),
        points_at("licence", "party_id", "party"),
        points_at("licence", "course_id", "course"),
        points_at("licence", "course_version_id", "course_version"),
        points_at("licence", "session_id", "training_session"),
        points_at("licence", "assignment_id", "assignment"),
        points_at("licence", "job_id", "job"),
        points_at("licence", "renews_id", "licence"),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_licence")),
        sa.UniqueConstraint("code", name=op.f("uq_licence_code")),
    )
    index_licences()
    guard("licence", allow="SELECT, INSERT, UPDATE")
    op.execute("CREATE POLICY owner_finds_by_code ON licence FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organization_of_licence(printed text) RETURNS text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT org_id FROM licence WHERE code = printed
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organization_of_licence FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organization_of_licence TO {SERVING_ROLE}")


def index_licences() -> None:
    for name, columns, where in (
        ("uq_licence_counting", ["party_id", "course_id"], "revoked_at IS NULL AND superseded_at IS NULL"),
        ("uq_licence_session", ["session_id", "party_id"], "session_id IS NOT NULL"),
        ("uq_licence_assignment", ["assignment_id"], "assignment_id IS NOT NULL AND revoked_at IS NULL"),
    ):
        op.create_index(name, "licence", ["org_id", *columns], unique=True, postgresql_where=sa.text(where))
    op.create_index(
        "ix_licence_due", "licence", ["org_id", "due_at", "id"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index("ix_licence_org_id_course_id_expires_at", "licence", ["org_id", "course_id", "expires_at"])
    op.create_index("ix_licence_org_id_expires_at_id", "licence", ["org_id", "expires_at", "id"])
    op.create_index("ix_licence_org_id_party_id_id", "licence", ["org_id", "party_id", "id"])
    op.create_index("ix_licence_org_id_job_id_party_id", "licence", ["org_id", "job_id", "party_id"])
    racers("CONSTRAINT uq_licence_code ON", "licence", "Two licences that draw one code.")
    racers("INDEX", "uq_licence_counting", "Two sessions of a course that license one party at once.")
    racers("INDEX", "uq_licence_session", "A completion and its repetition.")
    racers("INDEX", "uq_licence_assignment", "Two completions of one assignment.")


def create_sweeps() -> None:
    op.create_table(
        "sweep",
        external("org_id"),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("slot", sa.Date(), nullable=True),
        sa.Column("asked_by_type", sa.Text(), nullable=False),
        external("asked_by_id"),
        instant("asked_at"),
        instant("started_at", nullable=True),
        instant("finished_at", nullable=True),
        sa.Column("expired", sa.Integer(), server_default="0", nullable=False),
        sa.Column("notices", sa.Integer(), server_default="0", nullable=False),
        sa.Column("renewals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lag_seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_sweep_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_sweep")),
        sa.UniqueConstraint("org_id", "slot", name=op.f("uq_sweep_org_id_slot")),
    )
    op.create_index("ix_sweep_unfinished", "sweep", ["org_id", "id"], postgresql_where=sa.text("finished_at IS NULL"))
    guard("sweep", allow="SELECT, INSERT, UPDATE")
    racers("CONSTRAINT uq_sweep_org_id_slot ON", "sweep", "Two beats on one night.")
