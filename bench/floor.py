"""The floor: what PostgreSQL itself needs for the rows, keys and indexes included.

One connection, one transaction, rows prebuilt as the bytes that COPY takes, written by the superuser, whom row-level
security does not slow down. Nothing that keeps promises about single recipients can be faster on one connection; chunks
side by side can.
"""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from bench.ground import ACTOR, REASON, Connection, Lane, add_job, data_of_event

ASSIGNMENT = """COPY assignment (org_id, id, course_id, course_version_id, party_id, reason, due_on, state,
    assigned_by_type, assigned_by_id, assigned_at, job_id, revision) FROM STDIN"""
EVENT = """COPY event (org_id, sequence, id, type, subject, recorded_at, actor_type, actor_id, party_id, data)
    FROM STDIN"""
NULL = r"\N"


def copy(connection: Connection, lane: Lane) -> float:
    """Write a lane's rows. Seconds, from the first statement to the end of the commit."""
    ids = [uuid7() for _ in lane.ground.parties]
    job_id = add_job(connection, lane)
    assignments = "".join(_assignments(lane, job_id, ids)).encode()
    events = "".join(_events(lane, job_id, ids)).encode()
    begin = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(ASSIGNMENT) as rows:
            rows.write(assignments)
        cursor.execute(
            "UPDATE event_stream SET last_sequence = last_sequence + %s WHERE org_id = %s",
            (lane.ground.size, lane.ground.org_id),
        )
        with cursor.copy(EVENT) as rows:
            rows.write(events)
    return time.perf_counter() - begin


def _assignments(lane: Lane, job_id: uuid.UUID, ids: list[uuid.UUID]) -> Iterator[str]:
    ground, now = lane.ground, datetime.now(UTC)
    course = f"{ground.course_id}\t{lane.version_id}"
    rest = f"{REASON}\t{NULL}\tassigned\tmember\t{ACTOR}\t{now}\t{job_id}\t1\n"
    for made, party in zip(ids, ground.parties, strict=True):
        yield f"{ground.org_id}\t{made}\t{course}\t{party}\t{rest}"


def _events(lane: Lane, job_id: uuid.UUID, ids: list[uuid.UUID]) -> Iterator[str]:
    ground, now = lane.ground, datetime.now(UTC)
    data = json.dumps(data_of_event(lane, job_id))
    for sequence, (made, party) in enumerate(zip(ids, ground.parties, strict=True), start=lane.before + 1):
        told = f"{ground.org_id}\t{sequence}\t{uuid7()}\tassignment.created\tassignment/{made}"
        yield f"{told}\t{now}\tmember\t{ACTOR}\t{party}\t{data}\n"
