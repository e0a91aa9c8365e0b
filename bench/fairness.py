"""`python -m bench.fairness [--jobs 50,200] [--quick]`: fifty parties of one organization beside another's large jobs.

Writes `bench/FAIRNESS.md`.
"""

import argparse
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from rich.console import Console

from bench import conditions
from bench.ground import FOLDER, REASON, Connection, Ground, lay_out
from bench.report import NO_VERDICT, Table, readable
from bench.rollcall import Coordinator
from bench.running import System, running
from bench.waiting import succeeded, until

PAGE = Path(__file__).with_name("FAIRNESS.md")
LARGE, SMALL = 2_000, 50
TIMES = 20
MOST_SECONDS = 0.5
MOST_RATIO = 2.0

INTRODUCTION = """\
# What one organization costs another

Written by `make bench` on the embedded PostgreSQL and Redis, with the API, the workers and beat as `rollcall up` runs
them. One organization submits many jobs of 2,000 parties. Right after, another one assigns to 50 parties, 20 times, one
job after the other, each from its POST to seeing the job succeeded. The 95th percentile is to be at most twice that of
the same 20 jobs alone, or 0.5 s, whichever is more.
"""


HEAD = ("beside", "first", "median", "95th percentile", "at most", "jobs left at the end", "")


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--jobs", default="50,200", help="numbers of large jobs, separated by commas")
    parser.add_argument("--quick", action="store_true", help="only the first number; writes no page")
    given = parser.parse_args()
    numbers = [int(number) for number in given.jobs.split(",")][: 1 if given.quick else None]
    console, load = Console(), os.getloadavg()[0]
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load)
        table = Table(f"{SMALL} parties", HEAD, list(measure(system, connection, numbers, found)))
    table.show(console)
    around = Table("Where and when", ("what", "it was"), found.rows())
    around.show(console)
    if not given.quick:
        PAGE.write_text("\n".join((INTRODUCTION, table.markdown(), "", around.markdown(), "")))
        console.print(f"Written to {PAGE}.")


def measure(
    system: System, connection: Connection, numbers: list[int], found: conditions.Conditions
) -> Iterator[Sequence[str]]:
    """Yields the rows of the table: alone, then beside so many large jobs."""
    large, small = lay_out(connection, LARGE), lay_out(connection, SMALL)
    serve(system, connection, small, 3)  # warms up
    alone = serve(system, connection, small, TIMES)
    yield "nothing", *_times(alone), "", "", ""
    most = max(MOST_SECONDS, MOST_RATIO * _high(alone))
    for number in numbers:
        for _ in range(number):
            submit(system, connection, large)
        beside = serve(system, connection, small, TIMES)
        left = unfinished(connection, large)
        verdict = "reached" if _high(beside) <= most else NO_VERDICT if found.busy else "missed"
        yield f"{number} jobs of {LARGE:,}", *_times(beside), readable(most), f"{left}", verdict
        until(lambda: not unfinished(connection, large), time.perf_counter())
        found.look_at_load()


def serve(system: System, connection: Connection, ground: Ground, times: int) -> list[float]:
    """Assign to everybody, one job after the other. Returns the seconds of each."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        done = succeeded(connection, ground.org_id, submit(system, connection, ground))
        taken.append(until(done, begin))
    return taken


def submit(system: System, connection: Connection, ground: Ground) -> uuid.UUID:
    """Submit one job for everybody, with a course of its own. Returns its id."""
    course_id = uuid.uuid4()
    with connection.transaction():
        connection.execute(
            """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
               VALUES (%(org)s, %(course)s, 'Hydrogen sulfide', %(course)s::text, 'flex', 'session', now(), now())""",
            {"org": ground.org_id, "course": course_id},
        )
        connection.execute(
            """INSERT INTO course_version (org_id, course_id, label, state, created_at, published_at, published_by)
               VALUES (%(org)s, %(course)s, 'v1', 'active', now(), now(), 'bench')""",
            {"org": ground.org_id, "course": course_id},
        )
    body = {"courseId": str(course_id), "reason": REASON, "folderIds": [FOLDER]}
    return Coordinator(system, ground.org_id).assign(json.dumps(body).encode())


def unfinished(connection: Connection, ground: Ground) -> int:
    """Returns the number of jobs of the organization that have not ended."""
    row = connection.execute(
        "SELECT count(*) FROM job WHERE org_id = %s AND finished_at IS NULL", (ground.org_id,)
    ).fetchone()
    return int(row[0]) if row else 0


def _high(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, round(0.95 * len(seconds)) - 1)]


def _times(seconds: list[float]) -> tuple[str, str, str]:
    return readable(seconds[0]), readable(sorted(seconds)[len(seconds) // 2]), readable(_high(seconds))


if __name__ == "__main__":
    main()
