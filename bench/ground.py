"""Grounds: an organization with a number of parties in one folder, and a course that gets a new version for each run.

Inserted by SQL as the superuser, because filling a directory is not measured.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[tuple[Any, ...]]

REASON = "Annual refresher of the hydrogen-sulfide response"
ACTOR = "bench"
FOLDER = "everybody"


@dataclass(frozen=True)
class Ground:
    """One organization. parties: the ids of its parties, in the order of the directory."""

    org_id: str
    course_id: uuid.UUID
    parties: list[str] = field(repr=False)

    @property
    def size(self) -> int:
        """Returns the number of its parties."""
        return len(self.parties)


@dataclass(frozen=True)
class Lane:
    """A run's own course version, so that every party can be assigned again. before: the last event before the run."""

    ground: Ground
    version_id: uuid.UUID
    before: int


def lay_out(connection: Connection, size: int, name: str = "") -> Ground:
    """Insert an organization with this number of parties."""
    org_id, course_id = name or f"bench-{size}", uuid.uuid4()
    parties = [f"party-{n:06}" for n in range(size)]
    key = {"org": org_id, "course": course_id, "folder": FOLDER, "parties": parties}
    with connection.transaction():
        for statement in (
            "INSERT INTO organization (id, name, time_zone, created_at) VALUES (%(org)s, 'Bench', 'UTC', now())",
            "INSERT INTO event_stream (org_id) VALUES (%(org)s)",
            """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
               SELECT %(org)s, id, 'Party ' || id, now(), now() FROM unnest(%(parties)s::text[]) AS id""",
            """INSERT INTO folder (org_id, id, name, created_at, updated_at)
               VALUES (%(org)s, %(folder)s, 'Everybody', now(), now())""",
            """INSERT INTO folder_member (org_id, folder_id, party_id)
               SELECT %(org)s, %(folder)s, id FROM unnest(%(parties)s::text[]) AS id""",
            """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
               VALUES (%(org)s, %(course)s, 'Hydrogen-sulfide response', 'H2S', 'flex', 'session', now(), now())""",
        ):
            connection.execute(statement, key)
    connection.execute("VACUUM ANALYZE party, folder_member")
    return Ground(org_id, course_id, parties)


def lane(connection: Connection, ground: Ground) -> Lane:
    """Publish a version for the next run. A checkpoint first writes what the former run has left in memory."""
    key = {"org": ground.org_id, "course": ground.course_id}
    with connection.transaction():
        connection.execute(
            """UPDATE course_version SET state = 'superseded'
               WHERE org_id = %(org)s AND course_id = %(course)s AND state = 'active'""",
            key,
        )
        version_id = _one(
            connection,
            """INSERT INTO course_version (org_id, course_id, label, state, created_at, published_at, published_by)
               VALUES (%(org)s, %(course)s, gen_random_uuid()::text, 'active', now(), now(), 'bench') RETURNING id""",
            key,
        )
    before = _one(connection, "SELECT last_sequence FROM event_stream WHERE org_id = %(org)s", key)
    connection.execute(  # skips events of the former run, or they would be relayed and planned meanwhile
        """INSERT INTO event_consumer (org_id, name, last_sequence)
           SELECT org_id, name, last_sequence FROM event_stream, unnest(ARRAY['stream', 'planner']) AS name
           ON CONFLICT (org_id, name) DO UPDATE SET last_sequence = excluded.last_sequence"""
    )
    connection.execute("CHECKPOINT")
    return Lane(ground, version_id, before)


def add_job(connection: Connection, lane: Lane) -> uuid.UUID:
    """Insert a finished job, for the assignments of a contender that has no jobs. Returns its id."""
    job_id: uuid.UUID = _one(
        connection,
        """INSERT INTO job (org_id, kind, state, total, succeeded, request, submitted_by_type, submitted_by_id,
                            submitted_at, progressed_at, started_at, finished_at)
           VALUES (%(org)s, 'bench', 'succeeded', %(size)s, %(size)s, %(request)s, 'member', %(actor)s,
                   now(), now(), now(), now()) RETURNING id""",
        {"org": lane.ground.org_id, "size": lane.ground.size, "request": Jsonb({}), "actor": ACTOR},
    )
    return job_id


def data_of_event(lane: Lane, job_id: uuid.UUID) -> dict[str, str | None]:
    """Returns the data of each `assignment.created` of a lane, exactly as Rollcall writes it."""
    return {
        "courseId": str(lane.ground.course_id),
        "courseVersionId": str(lane.version_id),
        "jobId": str(job_id),
        "dueOn": None,
    }


def check(connection: Connection, lane: Lane) -> None:
    """Raise RuntimeError unless every party has its assignment and its event: half the work must not win."""
    key = {"org": lane.ground.org_id, "version": lane.version_id, "before": lane.before}
    made = _one(
        connection,
        "SELECT count(DISTINCT party_id) FROM assignment WHERE org_id = %(org)s AND course_version_id = %(version)s",
        key,
    )
    recorded = _one(
        connection,
        """SELECT count(DISTINCT party_id) FROM event
           WHERE org_id = %(org)s AND sequence > %(before)s AND type = 'assignment.created'""",
        key,
    )
    if (made, recorded) != (lane.ground.size, lane.ground.size):
        raise RuntimeError(f"of {lane.ground.size} parties {made} were assigned and {recorded} have an event")


def _one(connection: Connection, statement: str, key: dict[str, Any]) -> Any:
    row = connection.execute(statement, key).fetchone()
    assert row is not None
    return row[0]
