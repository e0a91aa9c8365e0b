"""`python -m bench.fairness [--jobs 50,200] [--quick]`: fifty parties of one organization beside another's large jobs.

Writes `bench/FAIRNESS.md`.
"""

import argparse
import json
import os
import time
import uuid
from pathlib import Path

import psycopg
from rich.console import Console

from bench import conditions
from bench.ground import FOLDER, REASON, Connection, Ground, lane, lay_out
from bench.report import Table, compared, readable
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
them. One organization submits many jobs of 2,000 parties at once. Meanwhile another one assigns to 50 parties, 20 times,
one job after the other, each from its POST to seeing the job succeeded. The 95th percentile is to be at most twice that
of the same 20 jobs alone, or 0.5 s, whichever is more.
"""


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.fairness", description=__doc__)
    parser.add_argument("--jobs", default="50,200", help="numbers of large jobs, separated by commas")
    parser.add_argument("--quick", action="store_true", help="only the first number; writes no page")
    given = parser.parse_args()
    numbers = [int(number) for number in given.jobs.split(",")][: 1 if given.quick else None]
    load = os.getloadavg()[0]
    table = Table("Fifty parties", ("beside", "first", "median", "95th percentile", "at most", "", "jobs left"))
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load)
        large, small = lay_out(connection, LARGE), lay_out(connection, SMALL)
        serve(system, connection, small, 3)
        alone = serve(system, connection, small, TIMES)
        table.add(("nothing", *_times(alone), "", "", ""))
        most = max(MOST_SECONDS, MOST_RATIO * _high(alone))
        for number in numbers:
            flood(system, connection, large, number)
            beside = serve(system, connection, small, TIMES)
            left = unfinished(connection, large)
            verdict = "reached" if _high(beside) <= most else "missed"
            table.add((f"{number} jobs of {LARGE:,}", *_times(beside), _ms(most), verdict, f"{left}"))
            until(lambda: not unfinished(connection, large), time.perf_counter())
            found.look_at_load()
    table.show(Console())
    if not given.quick:
        PAGE.write_text("\n".join((INTRODUCTION, table.markdown(), found.table().markdown())))


def flood(system: System, connection: Connection, ground: Ground, number: int) -> None:
    """Submit so many jobs for everybody."""
    for _ in range(number):
        submit(system, connection, ground)


def serve(system: System, connection: Connection, ground: Ground, times: int) -> list[float]:
    """Assign to everybody, one job after the other. Returns the seconds of each."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        done = succeeded(connection, ground.org_id, submit(system, connection, ground))
        taken.append(until(done, begin))
    return taken


def submit(system: System, connection: Connection, ground: Ground) -> uuid.UUID:
    """Submit one job for everybody, with a new version of the course. Returns its id."""
    body = {"courseId": str(ground.course_id), "reason": REASON, "folderIds": [FOLDER]}
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
    return _ms(seconds[0]), _ms(sorted(seconds)[len(seconds) // 2]), _ms(_high(seconds))


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms"


if __name__ == "__main__":
    main()
