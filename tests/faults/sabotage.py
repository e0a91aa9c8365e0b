"""Recipients and statements that misbehave, by triggers on `assignment` which the tables' owner adds and removes."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

RAISES = "RAISE EXCEPTION 'this party cannot be inserted'"
HANGS = "PERFORM pg_sleep(3600)"
CUTS_THE_CONNECTION = "PERFORM pg_terminate_backend(pg_backend_pid())"

_FUNCTION = sql.SQL("""
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN {body}; RETURN NEW; END $$
""")
_TRIGGER = sql.SQL("CREATE TRIGGER {name} BEFORE INSERT ON assignment FOR EACH {scope} EXECUTE FUNCTION {name}()")


@contextmanager
def slowly(owner_url: str, seconds: float) -> Iterator[None]:
    """Every chunk takes that much longer, so that a fault surely comes in the middle of one."""
    with _trigger(owner_url, "fault_slow", f"PERFORM pg_sleep({seconds})", sql.SQL("STATEMENT")):
        yield


@contextmanager
def bad_party(owner_url: str, org_id: str, party_id: str, body: str) -> Iterator[None]:
    """Inserting this party's assignment does this."""
    name = f"fault_{party_id.replace('-', '_')}"
    condition = sql.SQL("ROW WHEN (NEW.org_id = {} AND NEW.party_id = {})").format(
        sql.Literal(org_id), sql.Literal(party_id)
    )
    with _trigger(owner_url, name, body, condition):
        yield


@contextmanager
def _trigger(owner_url: str, name: str, body: str, scope: sql.Composable) -> Iterator[None]:
    parts = {"name": sql.Identifier(name), "body": sql.SQL(body), "scope": scope}
    with psycopg.connect(owner_url) as connection:
        connection.execute(_FUNCTION.format(**parts))
        connection.execute(_TRIGGER.format(**parts))
    try:
        yield
    finally:
        with psycopg.connect(owner_url) as connection:
            connection.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(sql.Identifier(name)))
