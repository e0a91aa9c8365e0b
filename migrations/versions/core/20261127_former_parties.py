"""Former ids of parties: which id a party has now that was merged with another one or renumbered.

A former id is never given to anybody else, also not by a process of the former release, which knows nothing of it: a
trigger leaves such a row out. A party's row may be deleted, but only once its id is a former one.
"""

import sqlalchemy as sa
from alembic import op

from migrations.guards import guard, racers
from shared.database import SERVING_ROLE

revision = "core_0025"
down_revision = "core_0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_party",
        sa.Column("org_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("into_id", sa.Text(collation="C"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged", sa.Boolean(), nullable=False),
        sa.Column("party", sa.dialects.postgresql.JSONB(), nullable=True),
        sa.Column("moved", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["org_id"], ["organization.id"], name=op.f("fk_former_party_org_id")),
        sa.ForeignKeyConstraint(
            ["org_id", "job_id"], ["job.org_id", "job.id"], name=op.f("fk_former_party_org_id_job_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_former_party")),
    )
    op.create_index("ix_former_party_org_id_into_id", "former_party", ["org_id", "into_id"])
    guard("former_party")
    racers("CONSTRAINT pk_former_party ON", "former_party", "Two jobs that give one party another id.")
    op.execute("""
        CREATE FUNCTION party_is_former() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
        BEGIN
            IF EXISTS (SELECT FROM former_party WHERE org_id = NEW.org_id AND id = NEW.id) THEN
                RETURN NULL;
            END IF;
            RETURN NEW;
        END $$""")
    op.execute("""
        CREATE FUNCTION party_leaves_its_id() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM former_party WHERE org_id = OLD.org_id AND id = OLD.id) THEN
                RAISE EXCEPTION 'a party is only deleted when its id is a former one';
            END IF;
            RETURN OLD;
        END $$""")
    for name in ("party_is_former", "party_leaves_its_id"):
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {SERVING_ROLE}")
    op.execute(f"GRANT DELETE ON party TO {SERVING_ROLE}")
    op.execute("""
        CREATE TRIGGER leaves_its_id BEFORE DELETE ON party
        FOR EACH ROW EXECUTE FUNCTION party_leaves_its_id()""")
    op.execute("""
        CREATE TRIGGER former_stays BEFORE INSERT ON party
        FOR EACH ROW EXECUTE FUNCTION party_is_former()""")
