"""SCIM: the names under which a directory service knows parties and folders, and what it has taken away."""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers

revision = "core_0021"
down_revision = "core_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_caseless()
    external = sa.Text(collation="C")
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "scim_user",
        sa.Column("org_id", external, nullable=False),
        sa.Column("party_id", external, nullable=False),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("folded_name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("manager", sa.Text(), nullable=True),
        sa.Column("hidden_at", instant, nullable=True),
        sa.Column("updated_at", instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id", "party_id"], ["party.org_id", "party.id"], name="fk_scim_user_org_id_party_id"
        ),
        sa.PrimaryKeyConstraint("org_id", "party_id", name="pk_scim_user"),
        sa.UniqueConstraint("org_id", "folded_name", name="uq_scim_user_org_id_folded_name"),
        sa.UniqueConstraint("org_id", "external_id", name="uq_scim_user_org_id_external_id"),
    )
    op.create_index(
        "ix_scim_user_hidden", "scim_user", ["org_id", "party_id"], postgresql_where=sa.text("hidden_at IS NOT NULL")
    )
    op.add_column("folder", sa.Column("external_id", sa.Text(), nullable=True))
    op.add_column("folder", sa.Column("hidden_at", instant, nullable=True))
    op.create_unique_constraint("uq_folder_org_id_external_id", "folder", ["org_id", "external_id"])
    guard("scim_user")
    racers("CONSTRAINT uq_scim_user_org_id_folded_name ON", "scim_user", "Two requests that give one userName.")
    racers("CONSTRAINT uq_scim_user_org_id_external_id ON", "scim_user", "Two requests that give one externalId.")
    racers("CONSTRAINT uq_folder_org_id_external_id ON", "folder", "Two requests that give one externalId to groups.")


def create_caseless() -> None:
    """Create the form in which SCIM compares text: without letter case, in a collation that knows all of Unicode."""
    found = sa.text("SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'und-x-icu') ORDER BY 1 LIMIT 1")
    collation = op.get_bind().scalar(found) or "default"
    op.execute(rf"""
        CREATE FUNCTION caseless(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN CASE WHEN octet_length(value) = char_length(value) THEN lower(value COLLATE "C") COLLATE "{collation}"
            ELSE lower(normalize(value, NFC) COLLATE "{collation}") END""")
