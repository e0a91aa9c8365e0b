"""The switch that says if this deployment sends mails, the processes that run it, and what waits in all organizations.

Both tables are the deployment's, not an organization's, so they have no `org_id` and no row-level security.
A deployment that has planned mails before begins with the switch on: otherwise a process without ROLLCALL_SMTP_URL
that starts first after the upgrade would plan none.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.database import SERVING_ROLE

revision = "core_0009"
down_revision = "core_0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_switch",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_switch")),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_switch_one_row")),
    )
    op.execute("""
        INSERT INTO mail_switch (id, is_on) SELECT 1, EXISTS (
            SELECT FROM organization WHERE EXISTS (
                SELECT FROM delivery WHERE org_id = organization.id AND channel = 'email'))""")
    op.create_table(
        "process",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process")),
    )
    op.execute(f"GRANT SELECT, UPDATE ON mail_switch TO {SERVING_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON process TO {SERVING_ROLE}")
    count_what_waits()


def count_what_waits() -> None:
    """Create the function behind doctor, readiness and metrics: numbers and instants of all organizations together."""
    op.execute("""
        CREATE FUNCTION waiting_deliveries(of_channel text, due_by timestamptz, most bigint)
        RETURNS TABLE (waiting bigint, oldest_due_at timestamptz, undelivered bigint, undelivered_since timestamptz)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT count(*),
                min(next_attempt_at) FILTER (
                    WHERE next_attempt_at <= due_by AND coalesce(leased_until <= due_by, true)),
                count(*) FILTER (WHERE stuck), min(queued_at) FILTER (WHERE stuck)
            FROM (
                SELECT next_attempt_at, leased_until, queued_at, (code IS NULL AND next_attempt_at <= due_by
                    OR code IN ('timed-out', 'connection-failed', 'server-refused', 'in-doubt')) AS stuck
                FROM organization, LATERAL (
                    SELECT * FROM delivery
                    WHERE delivery.org_id = organization.id AND channel = of_channel AND state = 'queued'
                    ORDER BY next_attempt_at LIMIT most) AS queued
                LIMIT most) AS counted
        $$""")
    op.execute("""
        CREATE FUNCTION oldest_waiting_job() RETURNS timestamptz
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT min(progressed_at) FROM job WHERE state IN ('queued', 'running', 'cancelling')
        $$""")
    for function in ("waiting_deliveries", "oldest_waiting_job"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {SERVING_ROLE}")
