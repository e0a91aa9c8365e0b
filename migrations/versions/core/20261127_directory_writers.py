"""The members of an issuer that may write the directory, which no group gives."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "core_0030"
down_revision = "core_0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    named = postgresql.ARRAY(sa.Text(collation="C"))
    op.add_column("sign_in_issuer", sa.Column("directory_writers", named, server_default="{}", nullable=False))
