"""The plain designs: one transaction per party, in a loop or as Celery tasks. Same tables, rows and database role.

Both lack what Rollcall promises: they neither notice a lost message nor report which party failed and why.
"""

import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGTERM
from typing import Any

from celery import Celery
from kombu import Queue
from psycopg.types.json import Jsonb
from sqlalchemy import text

from bench.ground import ACTOR, REASON, Connection, Lane, add_job, data_of_event
from bench.running import System
from bench.waiting import until, yes
from cli.processes import end, spawn
from shared.broker import make_celery
from shared.database import Database
from shared.settings import Settings

TASK, QUEUE = "bench.assign_one", "bench"
LONGEST_SECONDS = 120.0

_ASSIGN = text(
    """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type, assigned_by_id,
                              assigned_at, job_id)
       SELECT :org, :course, :version, id, :reason, 'member', :actor, now(), :job
       FROM party WHERE org_id = :org AND id = :party AND active
       ON CONFLICT (org_id, course_version_id, party_id) WHERE state = 'assigned' DO NOTHING RETURNING id"""
)
_COUNT = text("UPDATE event_stream SET last_sequence = last_sequence + 1 WHERE org_id = :org RETURNING last_sequence")
_RECORD = text(
    """INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, party_id, data)
       VALUES (:org, :sequence, 'assignment.created', 'assignment/' || :assignment, now(), 'member', :actor, :party,
               :data)"""
)


def assign_one(database: Database, one: dict[str, Any]) -> None:
    """Assign to one party and record the event, in a transaction of its own."""
    with database.transaction(one["org"]) as db:
        assignment = db.scalar(_ASSIGN, one)
        if assignment is not None:
            sequence = db.scalar(_COUNT, one)
            data = Jsonb(one["data"])
            db.execute(_RECORD, {**one, "sequence": sequence, "assignment": str(assignment), "data": data})


def loop(system: System, connection: Connection, lane: Lane) -> float:
    """Assign in one process, one party after the other. Returns the seconds."""
    database = Database(system.settings.need_database_url(), name="bench", pool_size=1)
    job_id = add_job(connection, lane)
    begin = time.perf_counter()
    for party in lane.ground.parties:
        assign_one(database, _one(lane, job_id, party))
    elapsed = time.perf_counter() - begin
    database.close()
    return elapsed


def tasks(system: System, connection: Connection, lane: Lane) -> float:
    """Assign by one Celery task per party, with as many processes as Rollcall. Returns the seconds."""
    celery, job_id = celery_for(system.settings), add_job(connection, lane)
    key = (lane.before + lane.ground.size, lane.ground.org_id)
    done = yes(connection, "SELECT last_sequence = %s FROM event_stream WHERE org_id = %s", key)
    begin = time.perf_counter()
    for party in lane.ground.parties:
        celery.send_task(TASK, args=[_one(lane, job_id, party)], queue=QUEUE)
    return until(done, begin, longest=LONGEST_SECONDS)


def celery_for(settings: Settings) -> Celery:
    """Returns the Celery application of the plain design. It acknowledges a message only after its task is done."""
    celery = make_celery(settings.need_redis_url())
    queues = [Queue(QUEUE, routing_key=QUEUE)]  # only its own queue: otherwise it would take Rollcall's messages
    celery.conf.update(task_queues=queues, task_default_queue=QUEUE, task_acks_late=True)
    return celery


@contextmanager
def worker(system: System) -> Iterator[None]:
    """Runs a worker of the plain design during the block."""
    argv = [sys.executable, "-m", "celery", "--app", "bench.plain_worker", "worker", "--loglevel", "ERROR"]
    argv += ["--concurrency", str(system.settings.worker_concurrency), "--without-gossip", "--without-mingle"]
    with tempfile.TemporaryFile() as output:
        process = spawn(argv, output=output.fileno(), environment=system.environment)
        try:
            yield
        finally:
            end(process, SIGTERM, grace=10)


def _one(lane: Lane, job_id: uuid.UUID, party: str) -> dict[str, Any]:
    """Returns the content of a message."""
    return {
        "org": lane.ground.org_id,
        "course": str(lane.ground.course_id),
        "version": str(lane.version_id),
        "party": party,
        "reason": REASON,
        "actor": ACTOR,
        "job": str(job_id),
        "data": data_of_event(lane, job_id),
    }
