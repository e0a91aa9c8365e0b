"""Guarantees of the database itself: separate organizations, unalterable events, a serving role without powers.

The checks query a real, migrated database and not the models, so they find a table that a migration forgot to guard.
Each check is also tested against a violation, in a transaction that is rolled back.
"""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from shared import database, settings
from shared.database import SERVING_ROLE, Database, UnsafeRole
from shared.tables import DEPLOYMENT
from tests.conftest import Servers
from tests.factories import Org

Rows = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def owner(configured: settings.Settings, servers: Servers) -> Iterator[Rows]:
    """Yields a connection as the schema's owner, which is rolled back at the end."""
    with psycopg.connect(servers.owner_url) as connection:
        yield connection
        connection.rollback()


def found(connection: Rows, query: LiteralString, **values: object) -> set[str]:
    """Returns the first column of a query's rows."""
    return {row[0] for row in connection.execute(query, values)}


# --- functions with the owner's rights

HIJACKED: LiteralString = """
    SELECT proname FROM pg_proc
    WHERE prosecdef AND pronamespace = current_schema()::regnamespace
    AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, public, pg_temp'], false)
"""
"""Functions that run with their owner's rights and would read a temporary table in place of the one that they name."""


def test_functions_with_the_owners_rights_search_temporary_schemas_last(owner: Rows) -> None:
    assert found(owner, HIJACKED) == set()


def test_a_function_that_would_read_a_temporary_table_is_found(owner: Rows) -> None:
    owner.execute("""CREATE FUNCTION made_up() RETURNS bigint LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, public AS 'SELECT count(*) FROM organization'""")
    assert found(owner, HIJACKED) == {"made_up"}


# --- row-level security


OF_DEPLOYMENT = [table.__tablename__ for table in DEPLOYMENT]

UNGUARDED: LiteralString = """
    SELECT relname FROM pg_class t
    WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND relname <> ALL (array_append(%(deployment)s::text[], 'alembic_version'))
    AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (
        SELECT FROM pg_policy
        WHERE polrelid = t.oid AND polname = 'tenant' AND polcmd = '*' AND polroles = '{0}'
        AND pg_get_expr(polqual, polrelid) = format(
            '(%%s = NULLIF(current_setting(''rollcall.org''::text, true), ''''::text))',
            CASE relname WHEN 'organization' THEN 'id' ELSE 'org_id' END)
        AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid)))
"""
"""Tables on which row-level security is not enabled, not forced, or allows more than the organization's rows.
The tables of the deployment hold nothing of an organization."""


def test_every_table_shows_only_the_rows_of_the_transactions_organization(owner: Rows) -> None:
    assert found(owner, UNGUARDED, deployment=OF_DEPLOYMENT) == set()


@pytest.mark.parametrize(
    "forgotten",
    [
        "ALTER TABLE party NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE party DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON party",
        "ALTER POLICY tenant ON party WITH CHECK (true)",
        "CREATE TABLE made_up (org_id text, id uuid)",
    ],
)
def test_a_table_without_row_level_security_is_found(owner: Rows, forgotten: LiteralString) -> None:
    owner.execute(forgotten)
    assert found(owner, UNGUARDED, deployment=OF_DEPLOYMENT) == {"made_up" if "made_up" in forgotten else "party"}


WIDENED: LiteralString = """
    SELECT polname FROM pg_policy
    WHERE polpermissive AND polname <> 'tenant' AND (polroles && ARRAY[0::oid, %(role)s::regrole::oid])
"""
"""Policies that show the serving role more rows than the policy `tenant`, because permissive policies add up."""


def test_no_other_policy_shows_the_serving_role_more_rows(owner: Rows) -> None:
    assert found(owner, WIDENED, role=SERVING_ROLE) == set()
    owner.execute("CREATE POLICY wide ON party USING (true)")
    assert found(owner, WIDENED, role=SERVING_ROLE) == {"wide"}


STRAY: LiteralString = """
    SELECT conname FROM pg_constraint c
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = c.conrelid AND attnum = ANY (c.conkey) AND attname = 'org_id')
"""
"""Foreign keys that could point into another organization, because row-level security does not check them."""


def test_no_foreign_key_can_point_into_another_organization(owner: Rows) -> None:
    assert found(owner, STRAY) == set()
    owner.execute("CREATE TABLE made_up (parent uuid UNIQUE, child uuid CONSTRAINT stray REFERENCES made_up (parent))")
    assert found(owner, STRAY) == {"stray"}


# --- the serving role


POWERS: LiteralString = """
    SELECT 'superuser' FROM pg_roles WHERE rolname = %(role)s AND rolsuper
    UNION SELECT 'bypassrls' FROM pg_roles WHERE rolname = %(role)s AND rolbypassrls
    UNION SELECT 'owns ' || relname FROM pg_class WHERE relowner = %(role)s::regrole
    UNION SELECT 'may ' || verb || ' ' || relname
        FROM pg_class, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) verb
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
        AND (relname = 'event' OR verb NOT IN ('UPDATE', 'DELETE'))
        AND has_table_privilege(%(role)s, pg_class.oid, verb)
"""
"""Powers that the serving role must not have."""


def test_the_serving_role_can_neither_bypass_row_level_security_nor_alter_events(owner: Rows) -> None:
    assert found(owner, POWERS, role=SERVING_ROLE) == set()
    owner.execute(sql.SQL("GRANT DELETE ON event TO {}").format(sql.Identifier(SERVING_ROLE)))
    assert found(owner, POWERS, role=SERVING_ROLE) == {"may DELETE event"}


@pytest.mark.parametrize("change", ["UPDATE event SET type = 'party.moved'", "DELETE FROM event", "TRUNCATE event"])
def test_the_serving_role_cannot_alter_an_event(org: Org, change: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied for table event"), org.transaction() as db:
        db.execute(text(change))


@pytest.mark.parametrize("address", ["owner_url", "admin_url"])
def test_a_role_that_row_level_security_does_not_bind_is_refused(
    configured: settings.Settings, servers: Servers, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """The owner owns tables, and the other login is a superuser. Both addresses are accepted when they serve as
    `SERVING_ROLE`, and refused when they serve as themselves."""
    url = getattr(servers, address)
    with psycopg.connect(url) as connection:
        role = connection.info.user
    assert connects(servers.owner_url)
    monkeypatch.setattr(database, "SERVING_ROLE", role)
    with pytest.raises(UnsafeRole, match="bypasses row-level security or owns tables"):
        connects(servers.owner_url if address == "owner_url" else url)


def test_a_database_without_the_serving_role_is_refused_with_the_next_step(
    configured: settings.Settings, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SERVING_ROLE", "rollcall_nobody")
    with pytest.raises(UnsafeRole, match="run `rollcall migrate`"):
        connects(servers.app_url)


def connects(url: str) -> bool:
    """Returns True if a transaction opens, as in the service."""
    serving = Database(url, name="test")
    try:
        with serving.transaction(None) as db:
            return db.scalar(text("SELECT true")) is True
    finally:
        serving.close()


# --- unique constraints


UNEXPLAINED: LiteralString = """
    SELECT index.relname FROM pg_index
    JOIN pg_class AS index ON index.oid = indexrelid
    JOIN pg_class AS named ON named.oid = indrelid
    LEFT JOIN pg_constraint AS unique_one ON unique_one.conindid = indexrelid AND unique_one.contype = 'u'
    WHERE indisunique AND NOT indisprimary AND index.relnamespace = 'public'::regnamespace
        AND coalesce(obj_description(unique_one.oid, 'pg_constraint'), obj_description(indexrelid, 'pg_class')) IS NULL
"""


def test_every_unique_constraint_names_its_two_racers(owner: Rows) -> None:
    """Primary keys aside: uniqueness is by constraint, and the comment says which two writers it guards against."""
    assert found(owner, UNEXPLAINED) == set()


def test_a_unique_constraint_without_a_comment_is_found(owner: Rows) -> None:
    owner.execute("CREATE TABLE made_up (a text, b text, CONSTRAINT uq_made_up_a UNIQUE (a))")
    owner.execute("CREATE UNIQUE INDEX uq_made_up_b ON made_up (b)")
    assert found(owner, UNEXPLAINED) == {"uq_made_up_a", "uq_made_up_b"}
