"""The floor: the time that PostgreSQL alone needs to write the rows, including keys and indexes.

One connection, one transaction, prebuilt bytes for COPY, written by the superuser, for whom row-level security costs
nothing. On one connection, nothing that handles recipients one by one can be faster. Chunks in parallel can.
"""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from uuid_utils.compat import uuid7

from bench.ground import ACTOR, REASON, Connection, Lane, add_job, data_of_event

ASSIGNMENT = """COPY assignment (org_id, id, course_id, course_version_id, party_id, reason, due_on, state,
    assigned_by_type, assigned_by_id, assigned_at, job_id, revision) FROM STDIN"""
EVENT = """COPY event (org_id, sequence, id, type, subject, recorded_at, actor_type, actor_id, party_id, data)
    FROM STDIN"""
NULL = r"\N"


def copy(connection: Connection, lane: Lane) -> float:
    """Write the rows of a lane. Returns the seconds from the first statement to the end of the commit."""
    ids = [uuid7() for _ in lane.ground.parties]
    job_id = add_job(connection, lane)
    assignments = "".join(_assignments(lane, job_id, ids)).encode()
    subjects, data = [f"assignment/{one}" for one in ids], data_of_event(lane, job_id)
    lines = event_lines(
        lane.ground.org_id, "assignment.created", subjects, lane.ground.parties, data, before=lane.before
    )
    events = "".join(lines).encode()
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


def event_lines(
    org_id: str, type: str, subjects: list[str], parties: list[str], data: dict[str, Any], before: int
) -> Iterator[str]:
    """Returns the lines for `EVENT`: one event of this type for each subject and party. before: the last sequence."""
    now, written = datetime.now(UTC), json.dumps(data)
    for sequence, (subject, party) in enumerate(zip(subjects, parties, strict=True), start=before + 1):
        yield f"{org_id}\t{sequence}\t{uuid7()}\t{type}\t{subject}\t{now}\tmember\t{ACTOR}\t{party}\t{written}\n"
