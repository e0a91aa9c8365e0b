"""What every migration says the same way: tenant guards, grants, and comments that name the racers."""

from alembic import op

from shared.database import SERVING_ROLE

_TENANT = "nullif(current_setting('rollcall.org', true), '')"


def guard(table: str, *, column: str = "org_id", allow: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Show and accept only rows of the transaction's organization, for the owner too; grant the serving role its verbs.

    After a commit the setting reads '' and not NULL, hence the nullif: no organization, no rows.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({column} = {_TENANT}) WITH CHECK ({column} = {_TENANT})")
    op.execute(f"GRANT {allow} ON {table} TO {SERVING_ROLE}")


def racers(kind: str, name: str, who: str) -> None:
    """Write on a unique constraint or index which two it keeps apart. kind: `INDEX` or `CONSTRAINT c ON`."""
    op.execute(f"COMMENT ON {kind} {name} IS '{who}'")
