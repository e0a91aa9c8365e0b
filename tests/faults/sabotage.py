"""Triggers that make single recipients fail, or every chunk slow. The owner of the tables adds them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

RAISES = "RAISE EXCEPTION 'this party cannot be inserted'"
HANGS = "PERFORM pg_sleep(3600)"
CUTS_THE_CONNECTION = "PERFORM pg_terminate_backend(pg_backend_pid())"
TAKES_ITS_TIME = "PERFORM pg_sleep(6)"
LOCK = 20_000_001
WAITS_FOR_THE_LOCK = f"PERFORM pg_advisory_xact_lock({LOCK})"
"""The test holds this lock, so it can see which connection waits while it inserts the party."""

_FUNCTION = sql.SQL("""
    CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN {body}; RETURN NEW; END $$
""")
_TRIGGER = sql.SQL("CREATE TRIGGER {name} BEFORE {on} FOR EACH {scope} EXECUTE FUNCTION {name}()")
INSERTING = "INSERT ON assignment"


def slow_down(owner_url: str, seconds: float, *, on: str = INSERTING) -> None:
    """Make each statement of this kind take that much longer, so that a fault hits in the middle of a chunk."""
    _add(owner_url, "fault_slow", f"PERFORM pg_sleep({seconds})", sql.SQL("STATEMENT"), on=on)


@contextmanager
def slowly(owner_url: str, seconds: float, *, on: str = INSERTING) -> Iterator[None]:
    """The same as `slow_down`, until the end of the block."""
    slow_down(owner_url, seconds, on=on)
    try:
        yield
    finally:
        _remove(owner_url, "fault_slow")


@contextmanager
def bad_party(owner_url: str, org_id: str, party_id: str, body: str, *, on: str = INSERTING) -> Iterator[None]:
    """Run `body` whenever an assignment of this party, or another row of it, is inserted."""
    name = f"fault_{party_id}"
    condition = sql.SQL("ROW WHEN (NEW.org_id = {} AND NEW.party_id = {})")
    _add(owner_url, name, body, condition.format(sql.Literal(org_id), sql.Literal(party_id)), on=on)
    try:
        yield
    finally:
        _remove(owner_url, name)


def _add(owner_url: str, name: str, body: str, scope: sql.Composable, *, on: str = INSERTING) -> None:
    parts = {"name": sql.Identifier(name), "body": sql.SQL(body), "scope": scope, "on": sql.SQL(on)}
    with psycopg.connect(owner_url) as connection:
        connection.execute(_FUNCTION.format(**parts))
        connection.execute(_TRIGGER.format(**parts))


def _remove(owner_url: str, name: str) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(sql.Identifier(name)))
