"""A completed session: by Rollcall, and as the bare rows by COPY."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from uuid_utils.compat import uuid7

from bench.floor import EVENT, event_lines
from bench.ground import ACTOR, Connection
from bench.rollcall import Coordinator
from bench.running import System
from bench.waiting import succeeded, until

ORG = "bench-sessions"
LICENCE = """COPY licence (org_id, id, party_id, course_id, course_version_id, session_id, job_id, granted_by_type,
    granted_by_id, granted_at, expires_at, months, rule, code) FROM STDIN"""


@dataclass(frozen=True)
class Sitting:
    """A session whose parties all attended and all have an open assignment of its course version."""

    course_id: uuid.UUID
    session_id: uuid.UUID
    job_id: uuid.UUID
    parties: list[str]


def rounds(
    system: System, connection: Connection, size: int, number: int, floor: list[float], ours: list[float]
) -> Iterator[None]:
    """Let the floor and Rollcall take turns, each with its own sitting. One turn before the first warms up."""
    for n in range(number + 1):
        for seconds, run in ((floor, _copy), (ours, _complete))[:: 1 if n % 2 == 0 else -1]:
            sitting = _lay_out(connection, size)
            taken = run(system, connection, sitting)
            _check(connection, sitting)
            if n:
                seconds.append(taken)
                yield


def _lay_out(connection: Connection, size: int) -> Sitting:
    sitting = Sitting(uuid7(), uuid7(), uuid7(), [f"party-{n:05}" for n in range(size)])
    key = {
        "org": ORG,
        "course": sitting.course_id,
        "session": sitting.session_id,
        "job": sitting.job_id,
        "parties": sitting.parties,
        "size": size,
    }
    with connection.transaction():
        for statement in (
            "INSERT INTO organization (id, name, time_zone, created_at) VALUES (%(org)s, 'Bench', 'UTC', now()) "
            "ON CONFLICT DO NOTHING",
            "INSERT INTO event_stream (org_id) VALUES (%(org)s) ON CONFLICT DO NOTHING",
            """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
               SELECT %(org)s, id, 'Party', now(), now() FROM unnest(%(parties)s::text[]) AS id
               ON CONFLICT DO NOTHING""",
            """INSERT INTO course (org_id, id, title, code, mode, licence_months, licence_on, created_at, updated_at)
               VALUES (%(org)s, %(course)s, 'Course', %(course)s, 'flex', 12, 'session', now(), now())""",
            """INSERT INTO course_version (org_id, id, course_id, label, state, created_at, published_at)
               VALUES (%(org)s, %(course)s, %(course)s, 'v1', 'active', now(), now())""",
            """INSERT INTO job (org_id, id, kind, state, total, succeeded, request, submitted_by_type, submitted_by_id,
                                submitted_at, progressed_at, started_at, finished_at)
               VALUES (%(org)s, %(job)s, 'bench', 'succeeded', %(size)s, %(size)s, '{}', 'member', 'bench', now(),
                       now(), now(), now())""",
            """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type,
                                       assigned_by_id, assigned_at)
               SELECT %(org)s, %(course)s, %(course)s, id, 'Bench', 'member', 'bench', now()
               FROM unnest(%(parties)s::text[]) AS id""",
            """INSERT INTO training_session (org_id, id, course_id, course_version_id, mode, starts_at, ends_at,
                                             time_zone, scheduled_by_type, scheduled_by_id, created_at, updated_at)
               VALUES (%(org)s, %(session)s, %(course)s, %(course)s, 'online', now() - interval '2 hours',
                       now() - interval '1 hour', 'UTC', 'member', 'bench', now(), now())""",
            """INSERT INTO roster_entry (org_id, session_id, party_id, added_by_type, added_by_id, added_at)
               SELECT %(org)s, %(session)s, id, 'member', 'bench', now() FROM unnest(%(parties)s::text[]) AS id""",
        ):
            connection.execute(statement, key)
    connection.execute("CHECKPOINT")
    return sitting


def _complete(system: System, connection: Connection, sitting: Sitting) -> float:
    """Returns the seconds from sending the POST to seeing the job succeeded."""
    coordinator = Coordinator(system, ORG)
    begin = time.perf_counter()
    job = coordinator.call("POST", f"/v1/sessions/{sitting.session_id}/complete", None, 202)
    return until(succeeded(connection, ORG, uuid.UUID(job["id"])), begin)


def _copy(_: System, connection: Connection, sitting: Sitting) -> float:
    """The floor: the same rows as prebuilt bytes, and one statement for the assignments. Returns the seconds."""
    ids = [uuid7() for _ in sitting.parties]
    (before,) = connection.execute("SELECT last_sequence FROM event_stream WHERE org_id = %s", (ORG,)).fetchone() or (
        0,
    )
    assignments: dict[str, uuid.UUID] = dict(
        connection.execute(
            "SELECT party_id, id FROM assignment WHERE org_id = %s AND course_id = %s", (ORG, sitting.course_id)
        ).fetchall()
    )
    licences = "".join(_licences(sitting, ids)).encode()
    granted = [f"licence/{one}" for one in ids]
    completed = [f"assignment/{assignments[party]}" for party in sitting.parties]
    events = "".join(
        [
            *_events(sitting, "licence.granted", granted, before),
            *_events(sitting, "assignment.completed", completed, before + len(ids)),
        ]
    ).encode()
    begin = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(LICENCE) as rows:
            rows.write(licences)
        cursor.execute(
            """UPDATE assignment SET state = 'completed', completion_method = 'session', completed_by_type = 'member',
               completed_by_id = 'bench', completed_at = now(), occurred_on = current_date, completion_job_id = %s
               WHERE org_id = %s AND course_version_id = %s AND state = 'assigned'""",
            (sitting.job_id, ORG, sitting.course_id),
        )
        cursor.execute(
            "UPDATE event_stream SET last_sequence = last_sequence + %s WHERE org_id = %s", (2 * len(ids), ORG)
        )
        with cursor.copy(EVENT) as rows:
            rows.write(events)
    return time.perf_counter() - begin


def _licences(sitting: Sitting, ids: list[uuid.UUID]) -> Iterator[str]:
    now = datetime.now(UTC)
    course = f"{sitting.course_id}\t{sitting.course_id}\t{sitting.session_id}\t{sitting.job_id}"
    for one, party in zip(ids, sitting.parties, strict=True):
        dates = f"{now}\t{now + timedelta(days=365)}\t12\tmonthsFromGrant\t{uuid.uuid4().hex[:16].upper()}"
        yield f"{ORG}\t{one}\t{party}\t{course}\tmember\t{ACTOR}\t{dates}\n"


def _events(sitting: Sitting, type: str, subjects: list[str], before: int) -> Iterator[str]:
    data = {
        "courseId": str(sitting.course_id),
        "courseVersionId": str(sitting.course_id),
        "sessionId": str(sitting.session_id),
        "jobId": str(sitting.job_id),
        "expiresAt": datetime.now(UTC).isoformat(),
    }
    return event_lines(ORG, type, subjects, sitting.parties, data, before)


def _check(connection: Connection, sitting: Sitting) -> None:
    """Raise RuntimeError unless each party has a licence and a completed assignment."""
    row = connection.execute(
        """SELECT (SELECT count(DISTINCT party_id) FROM licence WHERE org_id = %(org)s AND session_id = %(session)s),
                  (SELECT count(*) FROM assignment
                   WHERE org_id = %(org)s AND course_id = %(course)s AND state = 'completed')""",
        {"org": ORG, "session": sitting.session_id, "course": sitting.course_id},
    ).fetchone()
    if row != (len(sitting.parties), len(sitting.parties)):
        raise RuntimeError(f"of {len(sitting.parties)} parties {row} have a licence and a completed assignment")
