"""The tree over sealed events: its nodes, and the root beside the hash of a seal.

Seals of former releases keep an empty root; sealing tasks grow the tree over their events afterwards.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0028"
down_revision = "core_0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event_seal", sa.Column("root", sa.Text(), nullable=True))
    op.create_table(
        "event_tree_node",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_event_tree_node_org_id")),
        sa.PrimaryKeyConstraint("org_id", "level", "position", name=op.f("pk_event_tree_node")),
    )
    guard("event_tree_node", allow="SELECT, INSERT")
    racers("CONSTRAINT pk_event_tree_node ON", "event_tree_node", "None: who grows the tree holds the lock of sealers.")
    op.execute("CREATE POLICY owner_finds_due_work ON event_tree_node FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("""
        CREATE FUNCTION organizations_with_trees_behind() RETURNS SETOF text
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT org_id FROM event_stream
            WHERE (SELECT max(seal.last_sequence) FROM event_seal AS seal
                   WHERE seal.org_id = event_stream.org_id) / 64
                > coalesce((SELECT max(node.position) + 1 FROM event_tree_node AS node
                            WHERE node.org_id = event_stream.org_id AND node.level = 6), 0)
        $$""")
    op.execute("REVOKE ALL ON FUNCTION organizations_with_trees_behind FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION organizations_with_trees_behind TO {SERVING_ROLE}")
