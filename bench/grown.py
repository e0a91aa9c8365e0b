"""An organization that has grown: parties in folders of several sizes, and many assignments and licences of them.

Inserted by one statement a table as the superuser, so that a million rows take a minute and two thousand no time. What
makes a list dear is there on purpose: the courses follow each other in time, so a course's rows are far from the newest
ones; a folder's parties are next to each other; no open assignment is overdue.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

COURSES, VERSIONS, JOBS = 20, 2, 5
"""Each party has one assignment of each course. JOBS: of each version, each for a part of its parties."""

TODAY = date(2026, 11, 27)
SHIP, REGION, EVERYBODY = "ship-1", "region-1", "everybody"
"""Folders: one of 50 with 2 % of the parties each, one of 5 with 20 %, and one with all."""

_STATEMENTS = (
    "INSERT INTO organization (id, name, time_zone, created_at) VALUES (%(org)s, 'Grown', 'UTC', now())",
    "INSERT INTO event_stream (org_id) VALUES (%(org)s)",
    """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
       SELECT %(org)s, 'party-' || lpad(n::text, 7, '0'), 'Party ' || n, now(), now()
       FROM generate_series(0, %(parties)s - 1) AS n""",
    """INSERT INTO folder (org_id, id, name, created_at, updated_at)
       SELECT %(org)s, id, 'Folder ' || id, now(), now() FROM (
           SELECT 'everybody' UNION ALL SELECT 'ship-' || n FROM generate_series(0, 49) AS n
           UNION ALL SELECT 'region-' || n FROM generate_series(0, 4) AS n) AS folders (id)""",
    """INSERT INTO folder_member (org_id, folder_id, party_id)
       SELECT %(org)s, folder, id
       FROM (SELECT id, row_number() OVER (ORDER BY id)::int - 1 AS n FROM party WHERE org_id = %(org)s) AS each,
           LATERAL (VALUES ('everybody'), ('ship-' || n * 50 / %(parties)s), ('region-' || n * 5 / %(parties)s))
               AS folders (folder)""",
    """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
       SELECT %(org)s, id, 'Course ' || n, 'C-' || n, 'flex', 'session', now(), now()
       FROM unnest(%(courses)s::uuid[]) WITH ORDINALITY AS each (id, n)""",
    """INSERT INTO course_version (org_id, id, course_id, label, title, code, state, created_at, published_at,
                                   published_by)
       SELECT %(org)s, versions[v], courses[1 + (v - 1) / %(each)s], 'v' || v, 'Course', 'C-' || v,
           CASE v %% %(each)s WHEN 0 THEN 'active' ELSE 'superseded' END, now(), now(), 'grown'
       FROM (SELECT %(versions)s::uuid[] AS versions, %(courses)s::uuid[] AS courses) AS given,
           generate_series(1, cardinality(versions)) AS v""",
    """INSERT INTO job (org_id, id, kind, state, total, succeeded, request, submitted_by_type, submitted_by_id,
                        submitted_at, progressed_at, started_at, finished_at)
       SELECT %(org)s, id, 'assignments.create', 'succeeded', 0, 0, '{}', 'member', 'grown', now(), now(), now(), now()
       FROM unnest(%(jobs)s::uuid[]) AS id""",
    """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, job_id, reason, assigned_by_type,
           assigned_by_id, assigned_at, due_on, state, completed_at, completion_method, completed_by_type,
           completed_by_id, occurred_on, closed_at, closed_by_type, closed_by_id, closure_reason)
       SELECT %(org)s, courses[1 + (v - 1) / %(each)s], versions[v], id, jobs[j], 'Annual refresher',
           'member', 'grown', now(),
           CASE WHEN hash < 10 THEN NULL
               WHEN state = 'assigned' THEN %(today)s::date + j + hash %% 3 * 90 ELSE %(today)s::date - 800 + j * 4 END,
           state, CASE state WHEN 'completed' THEN now() END,
           CASE state WHEN 'completed' THEN 'on_behalf' END, CASE state WHEN 'completed' THEN 'member' END,
           CASE state WHEN 'completed' THEN 'grown' END, CASE state WHEN 'completed' THEN %(today)s::date END,
           CASE state WHEN 'closed' THEN now() END, CASE state WHEN 'closed' THEN 'member' END,
           CASE state WHEN 'closed' THEN 'grown' END, CASE state WHEN 'closed' THEN 'Left' END
       FROM (SELECT id, v, (v - 1) * %(pieces)s + 1 + (n * %(pieces)s / %(parties)s)::int AS j, hash,
                    CASE WHEN hash < 60 THEN 'completed' WHEN hash < 70 AND v > 2 THEN 'closed' ELSE 'assigned' END
                        AS state
             FROM (SELECT id, n, (1 + course * %(each)s + n %% %(each)s)::int AS v,
                       abs(hashtext(id || course) %% 100) AS hash
                   FROM (SELECT id, row_number() OVER (ORDER BY id)::int - 1 AS n FROM party
                         WHERE org_id = %(org)s) AS each,
                       generate_series(0, cardinality(%(courses)s::uuid[]) - 1) AS course) AS one) AS row,
           (SELECT %(versions)s::uuid[] AS versions, %(courses)s::uuid[] AS courses, %(jobs)s::uuid[] AS jobs) AS given
       ORDER BY j, id""",
    """INSERT INTO licence (org_id, party_id, course_id, course_version_id, assignment_id, job_id, granted_by_type,
           granted_by_id, granted_at, expires_at, months, rule, revoked_at, revoked_by_type,
           revoked_by_id, revocation_reason, superseded_at)
       SELECT org_id, party_id, course_id, course_version_id, id, job_id, 'member', 'grown', now(),
           now() + (hash %% 200 + 1) * interval '1 day', 12, 'monthsFromGrant',
           CASE WHEN revoked THEN now() END, CASE WHEN revoked THEN 'member' END, CASE WHEN revoked THEN 'grown' END,
           CASE WHEN revoked THEN 'Left' END, NULL
       FROM (SELECT *, hash < 20 AND course_id <> %(first)s AS revoked FROM (
           SELECT *, abs(hashtext(id::text) %% 1000) AS hash FROM assignment WHERE org_id = %(org)s) AS hashed) AS made
       WHERE state = 'completed' ORDER BY id""",
)


@dataclass(frozen=True)
class Grown:
    """An organization. ids: values of filters and places in paths, by the name that they have there."""

    org_id: str
    parties: int
    ids: Mapping[str, str]


def grow(connection: Connection, org_id: str, parties: int, *, known: bool = True) -> Grown:
    """Insert an organization with this number of parties. known: let PostgreSQL collect statistics of it."""
    courses, versions, jobs = (
        [uuid.uuid4() for _ in range(n)] for n in (COURSES, COURSES * VERSIONS, COURSES * VERSIONS * JOBS)
    )
    key = {
        "org": org_id,
        "parties": parties,
        "courses": courses,
        "versions": versions,
        "jobs": jobs,
        "each": VERSIONS,
        "pieces": JOBS,
        "today": TODAY,
        "first": courses[0],
    }
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in _STATEMENTS:
            connection.execute(statement, key)
    if known:
        connection.execute("VACUUM ANALYZE")
    return Grown(
        org_id,
        parties,
        {
            "courseId": str(courses[0]),
            "courseVersionId": str(versions[0]),
            "jobId": str(jobs[JOBS]),
            "partyId": f"party-{parties // 50 + 1:07}",
        },
    )
