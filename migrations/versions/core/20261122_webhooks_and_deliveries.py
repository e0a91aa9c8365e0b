"""Consumers of events with their positions; webhooks; deliveries of events to receivers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0003"
down_revision = "core_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_consumers()
    create_webhooks()
    create_deliveries()
    find_due_work()


def external(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def create_consumers() -> None:
    op.create_table(
        "event_consumer",
        external("org_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_event_consumer_org_id")),
        sa.PrimaryKeyConstraint("org_id", "name", name=op.f("pk_event_consumer")),
    )
    guard("event_consumer", allow="SELECT, INSERT, UPDATE")
    racers("CONSTRAINT pk_event_consumer ON", "event_consumer", "Two workers that begin to read for one consumer.")


def create_webhooks() -> None:
    op.create_table(
        "webhook",
        external("org_id"),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), nullable=True),
        instant("former_secret_until", nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        instant("broken_until", nullable=True),
        instant("disabled_at", nullable=True),
        sa.Column("disabled_why", sa.Text(), nullable=True),
        external("created_by"),
        instant("created_at"),
        instant("updated_at"),
        instant("removed_at", nullable=True),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_webhook_org_id")),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_webhook")),
    )
    guard("webhook", allow="SELECT, INSERT, UPDATE")


def create_deliveries() -> None:
    op.create_table(
        "delivery",
        external("org_id"),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        external("receiver"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        external("party_id", nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        instant("next_attempt_at"),
        instant("leased_until", nullable=True),
        instant("created_at"),
        instant("settled_at", nullable=True),
        sa.CheckConstraint("channel IN ('webhook', 'email')", name=op.f("ck_delivery_channel")),
        sa.CheckConstraint(
            "state IN ('queued', 'sent', 'suppressed', 'failed', 'dead')", name=op.f("ck_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "sequence"], ["event.org_id", "event.sequence"], name=op.f("fk_delivery_org_id_sequence")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "org_id", "channel", "receiver", "sequence", name=op.f("uq_delivery_org_id_channel_receiver_sequence")
        ),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["org_id", "channel", "next_attempt_at", "id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    for column in ("receiver", "state", "party_id", "job_id"):
        op.create_index(f"ix_delivery_org_id_{column}_id", "delivery", ["org_id", column, "id"])
    guard("delivery", allow="SELECT, INSERT, UPDATE")
    racers(
        "CONSTRAINT uq_delivery_org_id_channel_receiver_sequence ON",
        "delivery",
        "Two planners, or a plan and its repetition, that tell one receiver of one event.",
    )


def find_due_work() -> None:
    """Create functions that find due work across all organizations, for periodic tasks. They return only ids."""
    for table in ("event_consumer", "delivery"):
        op.execute(f"CREATE POLICY owner_finds_due_work ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_with_unread_events(consumer text) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT org_id FROM event_stream
            WHERE last_sequence > coalesce(
                (SELECT reader.last_sequence FROM event_consumer AS reader
                 WHERE reader.org_id = event_stream.org_id AND reader.name = consumer), 0)
        $$""")
    op.execute("""
        CREATE FUNCTION organizations_with_due_deliveries(of_channel text, due_by timestamptz) RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id FROM organization WHERE EXISTS (
                SELECT FROM delivery WHERE org_id = organization.id AND channel = of_channel AND state = 'queued'
                AND next_attempt_at <= due_by AND coalesce(leased_until <= due_by, true))
        $$""")
    for function in ("organizations_with_unread_events", "organizations_with_due_deliveries"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {SERVING_ROLE}")
