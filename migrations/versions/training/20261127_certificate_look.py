"""The look of certificates: logo, signatory, training date, holder number."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard

revision = "training_0027"
down_revision = "training_0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "certificate_look",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("signatory_name", sa.Text(), nullable=True),
        sa.Column("signatory_title", sa.Text(), nullable=True),
        sa.Column("show_training_date", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("show_holder_number", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_width", sa.Integer(), nullable=True),
        sa.Column("logo_height", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_certificate_look_org_id")),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_certificate_look")),
    )
    guard("certificate_look")
