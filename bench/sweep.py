"""A sweep of 20,000 due licences among a million or ten: by Rollcall, and as one bare statement."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg.sql import SQL, Identifier

from bench.ground import Connection
from bench.rollcall import Coordinator
from bench.running import System
from bench.waiting import rest, until, yes

ORG = "bench-sweep"
DUE, HOLDERS, ROUNDS = 20_000, 10_000, 5
SWEPT_COURSES = 2 * 2 * 2 * ROUNDS
"""Two courses for each round of the floor and of Rollcall, among few licences and among many."""
COURSES_A_STATEMENT = 40
"""A trigger keeps all rows of its statement: with more courses, it would write gigabytes of temporary files."""

_FILL = (
    """INSERT INTO organization (id, name, time_zone, created_at) VALUES (%(org)s, 'Sweep', 'UTC', now())
       ON CONFLICT DO NOTHING""",
    "INSERT INTO event_stream (org_id) VALUES (%(org)s) ON CONFLICT DO NOTHING",
    """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
       SELECT %(org)s, 'party-' || to_char(n, 'FM00000'), 'Party', now(), now()
       FROM generate_series(1, %(holders)s::int) AS n ON CONFLICT DO NOTHING""",
    """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
       SELECT %(org)s, md5('course ' || c)::uuid, 'Course', 'C' || c, 'flex', 'session', now(), now()
       FROM generate_series(%(first)s::int, %(last)s::int) AS c""",
    """INSERT INTO course_version (org_id, id, course_id, label, state, created_at, published_at)
       SELECT %(org)s, md5('course ' || c)::uuid, md5('course ' || c)::uuid, 'v1', 'active', now(), now()
       FROM generate_series(%(first)s::int, %(last)s::int) AS c""",
    """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type,
                            granted_by_id, granted_at, expires_at, months, rule)
       SELECT %(org)s, 'party-' || to_char(n, 'FM00000'), course, course, course, 'member', 'bench',
           now() - interval '100 days', now() + CASE WHEN c <= %(swept)s THEN interval '59 days'
               ELSE interval '100 days' + random() * interval '200 days' END, 12, 'monthsFromGrant'
       FROM (SELECT c, md5('course ' || c)::uuid AS course
             FROM generate_series(%(first)s::int, %(last)s::int) AS c) AS courses,
           generate_series(1, %(holders)s::int) AS n""",
    "UPDATE licence_due SET notices = 1 WHERE org_id = %(org)s AND due_at <= now()",
)


def fill(connection: Connection, first: int, last: int) -> None:
    """Insert courses number `first` to `last`, each with a licence for each of 10,000 holders. No licence is due.

    Foreign keys and triggers are off and indexes are built afterwards, because filling is not measured. Only the
    trigger that inserts the rows of `licence_due` stays on, so that its work is not written a second time here.
    """
    with connection.transaction(), without_indexes(connection):
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("ALTER TABLE licence ENABLE ALWAYS TRIGGER licences_granted")
        for at in range(first, last + 1, COURSES_A_STATEMENT):
            key = {"org": ORG, "holders": HOLDERS, "swept": SWEPT_COURSES}
            key |= {"first": at, "last": min(at + COURSES_A_STATEMENT - 1, last)}
            for statement in _FILL:
                connection.execute(statement, key)
        connection.execute("ALTER TABLE licence ENABLE TRIGGER licences_granted")
    connection.execute("VACUUM ANALYZE licence, licence_due, party")


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """During the block, `licence` has no index but its primary key."""
    unique = connection.execute("""
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = 'licence'::regclass AND contype = 'u'""").fetchall()
    for name, _ in unique:
        connection.execute(SQL("ALTER TABLE licence DROP CONSTRAINT {}").format(Identifier(name)))
    indexes = connection.execute("""
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'licence'::regclass AND NOT indisprimary""").fetchall()
    for name, _ in indexes:
        connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
    yield
    for name, definition in unique:
        connection.execute(SQL("ALTER TABLE licence ADD CONSTRAINT {} {}").format(Identifier(name), SQL(definition)))
    for _, definition in indexes:
        connection.execute(SQL(definition))


def make_due(connection: Connection, pair: int) -> None:
    """Make the licences of two courses due for their first notice, once the events of the former round are consumed."""
    courses = [f"course {2 * pair + 1}", f"course {2 * pair + 2}"]
    connection.execute(
        """UPDATE licence_due SET notices = 0 FROM licence
           WHERE licence.org_id = %s AND course_id IN (SELECT md5(c)::uuid FROM unnest(%s::text[]) AS c)
               AND licence_due.org_id = licence.org_id AND licence_id = id""",
        (ORG, courses),
    )
    rest(connection, ORG)
    connection.execute("VACUUM licence_due")
    connection.execute("CHECKPOINT")


def sweep_floor(connection: Connection) -> float:
    """The floor: one bare UPDATE ... RETURNING into events. Returns the seconds."""
    begin = time.perf_counter()
    with connection.transaction():
        connection.execute(
            """WITH due AS (
                   UPDATE licence_due SET notices = 1 FROM licence
                   WHERE licence_due.org_id = %(org)s AND licence_due.due_at <= now()
                       AND licence.org_id = licence_due.org_id AND id = licence_id
                   RETURNING id, party_id, licence.expires_at
               ), numbered AS (
                   UPDATE event_stream SET last_sequence = last_sequence + (SELECT count(*) FROM due)
                   WHERE org_id = %(org)s RETURNING last_sequence - (SELECT count(*) FROM due) AS before
               )
               INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, party_id, data)
               SELECT %(org)s, before + row_number() OVER (), 'licence.expiring', 'licence/' || id, now(), 'system',
                   'bench', party_id, jsonb_build_object('daysBefore', 60, 'expiresAt', expires_at)
               FROM due, numbered""",
            {"org": ORG},
        )
    return time.perf_counter() - begin


def sweep(system: System, connection: Connection) -> float:
    """Request a sweep over HTTP and wait until it has finished. Returns the seconds."""
    coordinator = Coordinator(system, ORG)
    begin = time.perf_counter()
    key = (uuid.UUID(coordinator.call("POST", "/v1/sweeps", b"{}", 202)["id"]),)
    return until(yes(connection, "SELECT finished_at IS NOT NULL FROM sweep WHERE id = %s", key), begin)


def count_notices(connection: Connection) -> int:
    """Returns how many notices have been published."""
    row = connection.execute(
        "SELECT count(*) FROM event WHERE org_id = %s AND type = 'licence.expiring'", (ORG,)
    ).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def rounds(system: System, connection: Connection, pair: int, floor: list[float], ours: list[float]) -> Iterator[None]:
    """Let the floor and Rollcall take turns, each with 20,000 licences of its own. Appends their seconds.

    pair: the number of the first pair of courses that was not swept yet.
    """
    contenders: list[tuple[list[float], Callable[[], float]]] = [
        (floor, lambda: sweep_floor(connection)),
        (ours, lambda: sweep(system, connection)),
    ]
    for number in range(ROUNDS):
        for seconds, run in contenders if number % 2 == 0 else contenders[::-1]:
            make_due(connection, pair)
            pair, before = pair + 1, count_notices(connection)
            seconds.append(run())
            if (found := count_notices(connection) - before) != DUE:
                raise RuntimeError(f"of {DUE} licences {found} have a notice")
            yield
