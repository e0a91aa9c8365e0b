"""Training: the catalogue and assignments. Runs only where the deployment profile has training."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers

revision = "training_0001"
down_revision = None
branch_labels = ("training",)
depends_on = ("core_0001",)


def upgrade() -> None:
    create_catalogue()
    create_assignments()


def create_catalogue() -> None:
    op.create_table(
        "course",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("licence_months", sa.Integer(), nullable=True),
        sa.Column("licence_on", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("licence_on IN ('session', 'completion')", name=op.f("ck_course_licence_on")),
        sa.CheckConstraint("mode IN ('online', 'in_person', 'flex')", name=op.f("ck_course_mode")),
        sa.CheckConstraint("licence_months > 0", name=op.f("ck_course_licence_months_positive")),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_course_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_course")),
        sa.UniqueConstraint("org_id", "code", name=op.f("uq_course_org_id_code")),
    )
    op.create_table(
        "course_version",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("materials", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint("(state = 'draft') = (published_at IS NULL)", name=op.f("ck_course_version_published_at")),
        sa.CheckConstraint("state IN ('draft', 'active', 'superseded')", name=op.f("ck_course_version_state")),
        sa.ForeignKeyConstraint(
            ["org_id", "course_id"], ["course.org_id", "course.id"], name=op.f("fk_course_version_org_id_course_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_course_version")),
        sa.UniqueConstraint("org_id", "course_id", "label", name=op.f("uq_course_version_org_id_course_id_label")),
    )
    op.create_index(
        "uq_course_version_active",
        "course_version",
        ["org_id", "course_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    guard("course", allow="SELECT, INSERT, UPDATE")
    guard("course_version", allow="SELECT, INSERT, UPDATE")
    racers("CONSTRAINT uq_course_org_id_code ON", "course", "Two members who create the same course at once.")
    racers(
        "CONSTRAINT uq_course_version_org_id_course_id_label ON", "course_version", "Two members who draft one label."
    )
    racers("INDEX", "uq_course_version_active", "Two members who publish different versions at once.")
    op.execute("""
        CREATE FUNCTION course_version_published_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'course version % is published and never changes', OLD.id USING ERRCODE = 'check_violation';
        END $$""")
    op.execute("""
        CREATE TRIGGER published_stays BEFORE UPDATE ON course_version FOR EACH ROW
        WHEN (OLD.state <> 'draft' AND (
            (to_jsonb(OLD) - 'state') IS DISTINCT FROM (to_jsonb(NEW) - 'state')
            OR (OLD.state, NEW.state) NOT IN (('active', 'active'), ('active', 'superseded'),
                ('superseded', 'superseded'))))
        EXECUTE FUNCTION course_version_published_stays()""")


def create_assignments() -> None:
    op.create_table(
        "assignment",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("course_version_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), server_default="assigned", nullable=False),
        sa.Column("assigned_by_type", sa.Text(), nullable=False),
        sa.Column("assigned_by_id", sa.Text(collation="C"), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("state IN ('assigned', 'completed', 'closed')", name=op.f("ck_assignment_state")),
        sa.ForeignKeyConstraint(
            ["org_id", "course_version_id"],
            ["course_version.org_id", "course_version.id"],
            name=op.f("fk_assignment_org_id_course_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_assignment_org_id_job_id")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "party_id"], ["party.org_id", "party.id"], name=op.f("fk_assignment_org_id_party_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_assignment")),
    )
    op.create_index(
        "ix_assignment_org_id_job_id_party_id", "assignment", ["org_id", "job_id", "party_id"], unique=False
    )
    op.create_index("ix_assignment_org_id_party_id_id", "assignment", ["org_id", "party_id", "id"], unique=False)
    op.create_index(
        "uq_assignment_open",
        "assignment",
        ["org_id", "course_version_id", "party_id"],
        unique=True,
        postgresql_where=sa.text("state = 'assigned'"),
    )
    guard("assignment", allow="SELECT, INSERT, UPDATE")
    racers("INDEX", "uq_assignment_open", "Two jobs that assign the same version to the same party at once.")
