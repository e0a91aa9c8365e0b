"""The last steps of an upgrade, after the last process of the former release has ended.

Processes of the former release run while the migrations run and after that. What only they need stays until somebody
who knows that none of them runs any more finishes the upgrade: the operator with `rollcall migrate --finish`, or
`rollcall up`, which starts all processes of its own database. A database to which no organization was added has none.
"""

from functools import partial

import psycopg
from psycopg import sql

from migrations import erased
from migrations.patience import patiently

LEFT_INDEXES = (
    "uq_licence_session",
    "ix_assignment_org_id_due_key_id",
    "ix_assignment_org_id_course_version_id_id",
    "ix_assignment_org_id_course_id_id",
    "ix_assignment_org_id_party_id_id",
)
"""Indexes that only processes of the former release need."""

IS_EMPTY = "SELECT pg_relation_size('organization') = 0"
"""True if no organization was ever added, whatever row-level security shows."""


def unfinished(url: str) -> list[str]:
    """Returns the indexes that are left for the former release; empty if the upgrade is finished."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT relname::text FROM pg_class WHERE relname = ANY (%s)", [list(LEFT_INDEXES)])
        return sorted(name for (name,) in found)


def finish(url: str) -> list[str]:
    """Drop the indexes that are left for the former release, while requests go on. Returns their names. url: as owner.

    Before, what the former release has left of parties that it erased is blanked.
    A step that another transaction stops is repeated. Raises psycopg.errors.LockNotAvailable if a transaction holds a
    table for longer than all repetitions take.
    """
    left = unfinished(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '5s'")
        if left:
            patiently(partial(_blank_erased, connection))
        for name in left:
            drop = sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name))
            patiently(partial(_execute, connection, drop))
    return left


def _blank_erased(connection: psycopg.Connection) -> None:
    training = connection.execute("SELECT to_regclass('assignment_change') IS NOT NULL").fetchone() == (True,)
    with connection.transaction():
        for (org_id,) in connection.execute(erased.ORGANIZATIONS).fetchall():
            for statement in (erased.SHOW, erased.MEMBERSHIPS, *(erased.NOTES if training else ())):
                connection.execute(statement.encode(), {"org": org_id})


def _execute(connection: psycopg.Connection, statement: sql.Composed) -> None:
    connection.execute(statement)
