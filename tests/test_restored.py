"""A database that was just restored: full tables, and no statistics of any of them until autovacuum comes by.

The serving role reads by plans of its own: row-level security lets no condition into an index that could tell something
of hidden rows, such as a comparison with a text that is converted to an id row by row.
"""

import psycopg

from shared.database import SERVING_ROLE
from tests.conftest import Servers
from tests.test_migrations import begin_at, of_org_1

PARTIES, RECIPIENTS = 4000, 1000
FILL = (
    """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
       SELECT 'org-1', 'p-' || n, 'P', now(), now() FROM generate_series(1, %(parties)s) AS n""",
    """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type, assigned_by_id,
                               assigned_at)
       SELECT 'org-1', course_id, id, 'p-' || n, 'Refresh', 'member', 'm', now()
       FROM course_version, generate_series(1, %(parties)s) AS n""",
    """INSERT INTO job (org_id, kind, state, request, submitted_by_type, submitted_by_id, submitted_at, progressed_at)
       VALUES ('org-1', 'assignments.close', 'queued', '{"by": "assignment"}', 'member', 'm', now(), now())""",
)
CHUNK = """
    INSERT INTO job_chunk (org_id, job_id, n, recipients)
    SELECT 'org-1', job.id, 0, (SELECT array_agg(id::text ORDER BY id)
                                FROM (SELECT id FROM assignment ORDER BY id DESC LIMIT %(recipients)s) AS last)
    FROM job"""
READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(pg_class.oid))
    FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
    WHERE 'assignment'::regclass IN (pg_class.oid, indrelid)"""


def test_the_parties_of_a_chunk_are_found_without_reading_all_assignments_for_each(servers: Servers) -> None:
    with servers.another() as restored:
        begin_at(restored.owner_url, "core@head", "training@head")
        with of_org_1(restored.owner_url) as connection:
            for statement in FILL:
                connection.execute(statement, {"parties": PARTIES} if "parties" in statement else None)
        with of_org_1(restored.owner_url) as connection:
            connection.execute(f"SET LOCAL ROLE {SERVING_ROLE}")  # row-level security rules out plans
            before = read(connection)
            connection.execute(CHUNK, {"recipients": RECIPIENTS})
            assert read(connection) - before <= 3 * PARTIES
            found = connection.execute("SELECT party_ids FROM job_chunk").fetchone()
            expected = connection.execute(
                """SELECT array_agg(party_id ORDER BY id)
                   FROM (SELECT id, party_id FROM assignment ORDER BY id DESC LIMIT %s) AS last""",
                [RECIPIENTS],
            ).fetchone()
        assert found == expected


def read(connection: psycopg.Connection) -> int:
    """The number of entries of assignments and their indexes that this transaction has read."""
    (count,) = connection.execute(READ).fetchone() or (0,)
    return int(count)
