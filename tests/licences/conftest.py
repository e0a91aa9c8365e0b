"""A course with three parties, an organization in Oslo, and a crowd of 100,000 licences that no test changes."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from tests.conftest import Servers
from tests.factories import Org, add_org
from tests.licences.dating import NOW, ZONE
from tests.licences.earning import FOLLOW

PARTIES, COURSES = 5_000, 20

_FILL = (
    """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
       SELECT %(org)s, 'party-' || to_char(n, 'FM00000'), 'Party', now(), now()
       FROM generate_series(1, %(parties)s::int) AS n""",
    """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
       SELECT %(org)s, md5(%(org)s || n)::uuid, 'Course', 'C' || n, 'flex', 'session', now(), now()
       FROM generate_series(1, %(courses)s::int) AS n""",
    """INSERT INTO course_version (org_id, id, course_id, label, state, created_at, published_at)
       SELECT org_id, id, id, 'v1', 'active', now(), now() FROM course WHERE org_id = %(org)s""",
    """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type, granted_by_id,
           granted_at, expires_at, months, rule)
       SELECT %(org)s, party.id, course.id, course.id, course.id, 'member', 'm', now() - interval '9 days',
           now() + interval '900 days', 12, 'monthsFromGrant'
       FROM party CROSS JOIN course WHERE party.org_id = %(org)s AND course.org_id = %(org)s""",
    FOLLOW,
)


@pytest.fixture
def course(org: Org) -> str:
    """A course of an organization with parties a, b and c."""
    org.with_parties("a", "b", "c")
    return org.with_course()


@dataclass(frozen=True)
class Crowd:
    """An organization of 5,000 parties, each with a licence of each of 20 courses. No licence is due."""

    org: Org
    parties: list[str]
    course: uuid.UUID


@pytest.fixture(scope="session")
def crowd(servers: Servers, app: FastAPI, parts: Parts) -> Crowd:
    """100,000 licences. Inserted in seconds, because triggers and foreign keys are off: no sessions exist for them."""
    org = add_org(app, parts)
    with psycopg.connect(servers.admin_url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            for statement in _FILL:
                connection.execute(statement, {"org": org.id, "parties": PARTIES, "courses": COURSES})
        connection.execute("ANALYZE licence, licence_due")
        (course,) = connection.execute("SELECT id FROM course WHERE org_id = %s LIMIT 1", (org.id,)).fetchone() or ("",)
    return Crowd(org, [f"party-{n:05}" for n in range(1, PARTIES + 1)], course)


@pytest.fixture
def oslo(app: FastAPI, parts: Parts) -> Iterator[Org]:
    """An organization in Oslo with the party a, at noon of a day in March."""
    with time_machine.travel(NOW, tick=False):
        org = add_org(app, parts, time_zone=ZONE)
        org.with_parties("a")
        yield org
