"""A replay of a webhook writes deliveries of its own, and what was sent before stays sent.

The unique constraint gets the column `replay`. Its index is made beside the old one, without stopping those who plan
and send. A process of the former release that still runs plans and sends as before; it refuses to replay.
"""

from alembic import op

from migrations.guards import racers

revision = "core_0015"
down_revision = "core_0011"
branch_labels = None
depends_on = None

FORMER = "uq_delivery_org_id_channel_receiver_sequence"
UNIQUE = "uq_delivery_org_id_channel_receiver_sequence_replay"


def upgrade() -> None:
    op.execute("ALTER TABLE delivery ADD COLUMN IF NOT EXISTS replay integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE webhook ADD COLUMN IF NOT EXISTS replays integer NOT NULL DEFAULT 0")
    with op.get_context().autocommit_block():
        # one that an attempt left behind which was broken off is invalid, and is made anew
        op.execute(f"ALTER TABLE delivery DROP CONSTRAINT IF EXISTS {UNIQUE}")
        op.drop_index(UNIQUE, "delivery", if_exists=True, postgresql_concurrently=True)
        columns = ["org_id", "channel", "receiver", "sequence", "replay"]
        op.create_index(UNIQUE, "delivery", columns, unique=True, postgresql_concurrently=True)
    op.execute(f"ALTER TABLE delivery ADD CONSTRAINT {UNIQUE} UNIQUE USING INDEX {UNIQUE}")
    op.execute(f"ALTER TABLE delivery DROP CONSTRAINT IF EXISTS {FORMER}")
    racers(f"CONSTRAINT {UNIQUE} ON", "delivery", "Two planners of one event, or two replays of one webhook.")
