"""Statements that all migrations share: row-level security, grants, and comments on unique constraints."""

from alembic import op

from shared.database import SERVING_ROLE

_TENANT = "nullif(current_setting('rollcall.org', true), '')"


def guard(table: str, *, column: str = "org_id", allow: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Enable row-level security on a table, also for its owner, and grant statements to the serving role.

    Only rows of the transaction's organization can be read and written. column: holds the organization's id.
    allow: the statements granted. After a commit the setting is '' and not NULL, hence the nullif: no organization, no
    rows.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({column} = {_TENANT}) WITH CHECK ({column} = {_TENANT})")
    op.execute(f"GRANT {allow} ON {table} TO {SERVING_ROLE}")


def racers(kind: str, name: str, who: str) -> None:
    """Comment on a unique constraint or index which two concurrent writers it guards against.

    kind, name: `INDEX` and the index, or `CONSTRAINT c ON` and the table. who: the comment.
    """
    op.execute(f"COMMENT ON {kind} {name} IS '{who}'")


def search_pg_temp_last() -> None:
    """Let functions with the owner's rights look for tables in temporary schemas last.

    Where `search_path` does not name `pg_temp`, PostgreSQL searches it first for tables. Somebody with SQL as the
    serving role could then put a temporary table in front of one that such a function reads. New functions name it.
    """
    op.execute("""
        DO $$
        DECLARE made regprocedure;
        BEGIN
            FOR made IN
                SELECT oid FROM pg_proc
                WHERE prosecdef AND pronamespace = 'public'::regnamespace AND proowner = current_user::regrole
            LOOP
                EXECUTE format('ALTER FUNCTION %s SET search_path = pg_catalog, public, pg_temp', made);
            END LOOP;
        END $$""")
