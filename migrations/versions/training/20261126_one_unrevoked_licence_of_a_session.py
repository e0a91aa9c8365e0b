"""A session grants a party at most one licence that is not revoked, so that what was taken back can be given again.

The new indexes are made beside the old one, without stopping writers. The old one stays while processes of the former
release run, because these expect one licence at most: see `migrations.finishing`. Until it is gone, nobody is granted
again what a session had granted before; such a recipient fails and can be retried.
"""

import sqlalchemy as sa
from alembic import op

from migrations.finishing import IS_EMPTY
from migrations.guards import racers

revision = "training_0010"
down_revision = "training_0009"
branch_labels = None
depends_on = None

COLUMNS = ["org_id", "session_id", "party_id"]
NEW = (
    ("uq_licence_session_unrevoked", True, "session_id IS NOT NULL AND revoked_at IS NULL"),
    ("ix_licence_org_id_session_id_party_id", False, "session_id IS NOT NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, unique, where in NEW:
            # One that an attempt left behind which was broken off is invalid, and is made anew.
            op.drop_index(name, "licence", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name,
                "licence",
                COLUMNS,
                unique=unique,
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
            )
        if op.get_bind().scalar(sa.text(IS_EMPTY)):
            op.drop_index("uq_licence_session", "licence", if_exists=True, postgresql_concurrently=True)
    racers(
        "INDEX",
        "uq_licence_session_unrevoked",
        "Two chunks that license a party of one session at once, such as a repeated completion and an amendment.",
    )
