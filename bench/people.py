"""`python -m bench.people [--people 10000] [--rounds 5]`: moving people in from a workbook.

Writes `bench/PEOPLE.md`. The floor is the least that a script would do: read the workbook in its own process, trusting
it, and write the parties with one INSERT. Rollcall also bounds the workbook and reads it in another process, finds the
columns, validates each row with its place, looks for similar ids, and records an event of each party.
"""

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import python_calamine

from bench.ground import Connection
from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded
from shared import clock, settings, workbooks
from shared.access import Caller, Permission
from shared.database import Database
from shared.services import directory
from shared.sheets import XLSX, Body, open_file

PAGE = Path(__file__).with_name("PEOPLE.md")
TARGET = 3.0

INTRODUCTION = """\
# What moving people in from a workbook costs

Written by `make bench` on the embedded PostgreSQL. Times are medians; the ratio is that of the medians, with the lowest
and the highest round in brackets. *By hand*: the same workbook of twelve columns read in the same process, trusted, and
one INSERT of the parties, committed. *Rollcall*: the verb of `PUT /v1/parties` from the bytes until the commit: the
workbook bounded and read by a process of its own, every row validated, ids compared, an event for each party written.
Each round has an organization of its own, the two take turns, and after each round the parties are counted.
"""

NAMES = (
    "Employee ID",
    "Full Name",
    "Work e-mail",
    "Active",
    "Team",
    "Title",
    *(f"Cost centre {n}" for n in range(6)),
)


def workbook(count: int) -> bytes:
    """Returns a workbook of people."""
    headings = [workbooks.Heading(name, workbooks.Kind.TEXT) for name in NAMES]
    rows = (
        [f"p-{n:06}", f"Zoë Ångström {n}", f"p{n}@crew.test", "yes", f"Crew {n % 20}", "Driller", *["1234"] * 6]
        for n in range(count)
    )
    with tempfile.TemporaryFile() as file:
        workbooks.write(file, "People", headings, rows)
        file.seek(0)
        return file.read()


def by_hand(connection: Connection, org_id: str, body: bytes) -> float:
    """Read the workbook and insert the parties. Returns the seconds."""
    begin = time.perf_counter()
    insert(connection, org_id, python_calamine.load_workbook(io.BytesIO(body)).get_sheet_by_index(0).to_python()[1:])
    return time.perf_counter() - begin


def insert(connection: Connection, org_id: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert the parties of these rows, and commit."""
    with connection.transaction():
        connection.execute(
            """INSERT INTO party (org_id, id, display_name, email, active, created_at, updated_at)
               SELECT %s, id, name, email, true, now(), now()
               FROM unnest(%s::text[], %s::text[], %s::text[]) AS given (id, name, email)""",
            (org_id, *([row[n] for row in rows] for n in range(3))),
        )


def moved_in(database: Database, org_id: str, body: bytes) -> float:
    """Put the people of the workbook into the directory. Returns the seconds."""
    caller = Caller(org_id, "bench", frozenset({Permission.SYNC_DIRECTORY}))
    begin = time.perf_counter()
    sent = Body(XLSX, body, opened=open_file(body))
    with database.transaction(org_id) as db:
        answer = directory.put_parties(db, caller, sent, clock.now())
    if answer.failed:
        raise RuntimeError(f"{answer.failed} people did not go in")
    return time.perf_counter() - begin


def measure(connection: Connection, database: Database, count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds per round of the floor and of Rollcall, after a warm-up round."""
    body = workbook(count)
    floors: list[float] = []
    ours: list[float] = []
    contenders: list[tuple[list[float], Callable[[str], float]]] = [
        (floors, lambda org_id: by_hand(connection, org_id, body)),
        (ours, lambda org_id: moved_in(database, org_id, body)),
    ]
    for number in range(rounds + 1):
        for n, (seconds, run) in enumerate(contenders if number % 2 else contenders[::-1]):
            org_id = organization(connection, f"bench-{number}-{n}")
            took = run(org_id)
            found: Any = connection.execute("SELECT count(*) FROM party WHERE org_id = %s", [org_id]).fetchone()
            if found[0] != count:
                raise RuntimeError(f"of {count} people {found[0]} are in the directory")
            if number:
                seconds.append(took)
    return floors, ours


def organization(connection: Connection, org_id: str) -> str:
    """Add an organization for one round, after the database has caught up. Returns its id."""
    connection.execute(
        "INSERT INTO organization (id, name, time_zone, created_at) VALUES (%s, 'Bench', 'UTC', now())", [org_id]
    )
    connection.execute("INSERT INTO event_stream (org_id) VALUES (%s)", [org_id])
    connection.execute("VACUUM ANALYZE party")
    connection.execute("CHECKPOINT")
    return org_id


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.people", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given, load = parser.parse_args(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, embedded.running(Path(folder)) as at:
        serve_here(at)
        database = Database(settings.current().need_database_url(), name="bench")
        with psycopg.connect(at.superuser_database_url, autocommit=True) as connection:
            floors, ours = measure(connection, database, given.people, given.rounds)
    found = contest("a script that reads and inserts", given.people, floors, ours, TARGET, load)
    publish(found, PAGE, INTRODUCTION)


if __name__ == "__main__":
    main()
