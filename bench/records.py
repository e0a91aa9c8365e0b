"""`python -m bench.records [--rows 20000] [--rounds 5]`: the cost of importing records of the past.

Writes `bench/RECORDS.md`. An import is compared with COPY of the rows that it leaves: licences and their events.
"""

import argparse
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from uuid_utils.compat import uuid7

from bench import conditions
from bench.conditions import Conditions
from bench.floor import EVENT, event_lines
from bench.ground import ACTOR, Connection, Ground, Lane, add_job, lay_out
from bench.report import Table, contest
from bench.rollcall import LONGEST_JOB_SECONDS, Coordinator
from bench.running import System, running
from bench.waiting import rest, succeeded, until

PAGE = Path(__file__).with_name("RECORDS.md")
ORG = "bench-records"
RECORDS_A_PARTY = 4
"""Each party has a record of as many courses."""

INTRODUCTION = """\
# What importing records costs

Written by `make bench` on the embedded PostgreSQL and Redis, with the API, the worker and beat as `rollcall up` runs
them. Times are medians, ratios are ratios of medians; in brackets the lowest and the highest round.
"""

EXPLANATION = """\
## How it is measured
One import of records, four courses for each party, as NDJSON with an end and a number in each row. Floor: the licences
and their events by COPY, prebuilt, in one transaction as the superuser, with all indexes, keys and triggers. Rollcall:
from sending `POST /v1/records` to seeing the job succeeded; so it also reads and stores the rows, and decides about
each. Floor and Rollcall take turns, each with courses of its own, when the stream and the planner are at rest.
"""

LICENCE = """COPY licence (org_id, id, party_id, course_id, course_version_id, job_id, granted_by_type, granted_by_id,
    granted_at, valid_from, expires_at, rule, code, record_key, record_row, record_line, completed_on, issuer)
    FROM STDIN"""
FIRST_DAY = date(2025, 1, 1)


@dataclass(frozen=True)
class Lot:
    """The records of one turn. courses: their courses, of which the version has the same id."""

    ground: Ground
    courses: Sequence[uuid.UUID]

    @property
    def parties(self) -> Sequence[str]:
        """The parties that have them."""
        return self.ground.parties

    def rows(self) -> Iterator[tuple[str, uuid.UUID, date]]:
        """Yields party, course and day of each record, by party."""
        for n, party in enumerate(self.parties):
            for course in self.courses:
                yield party, course, FIRST_DAY + timedelta(days=n % 300)


def add_lot(connection: Connection, ground: Ground) -> Lot:
    """Insert courses for a turn, each with a version for its records."""
    lot = Lot(ground, [uuid.uuid4() for _ in range(RECORDS_A_PARTY)])
    for course in lot.courses:
        key = {"org": ORG, "course": course}
        connection.execute(
            """INSERT INTO course (org_id, id, title, code, mode, licence_months, licence_on, created_at, updated_at)
               VALUES (%(org)s, %(course)s, 'Course', %(course)s, 'flex', 12, 'session', now(), now())""",
            key,
        )
        connection.execute(
            """INSERT INTO course_version (org_id, id, course_id, label, state, created_at)
               VALUES (%(org)s, %(course)s, %(course)s, 'unrecorded', 'retired', now())""",
            key,
        )
    rest(connection, ORG)
    connection.execute("CHECKPOINT")
    return lot


def bring_in(system: System, connection: Connection, lot: Lot) -> float:
    """Import the records. Returns the seconds from sending the POST to seeing the job succeeded."""
    coordinator, sent = Coordinator(system, ORG), "".join(_lines(lot)).encode()
    begin = time.perf_counter()
    job = coordinator.call("POST", "/v1/records", sent, 202, "application/x-ndjson")
    return until(succeeded(connection, ORG, uuid.UUID(job["id"])), begin, longest=LONGEST_JOB_SECONDS)


def _lines(lot: Lot) -> Iterator[str]:
    for party, course, day in lot.rows():
        record = {
            "partyId": party,
            "courseId": str(course),
            "versionLabel": "unrecorded",
            "completedOn": day.isoformat(),
            "expiresOn": "2027-12-31",
            "issuer": "Falck Nutec",
            "number": f"{party}-{course.hex[:8]}",
        }
        yield json.dumps(record) + "\n"


def copy(connection: Connection, lot: Lot) -> float:
    """Write the same rows by COPY. Returns the seconds from the first statement to the end of the commit."""
    ids = [uuid7() for _ in lot.rows()]
    job_id = add_job(connection, Lane(lot.ground, lot.courses[0], 0))
    found = connection.execute("SELECT last_sequence FROM event_stream WHERE org_id = %s", (ORG,)).fetchone()
    assert found is not None
    licences = "".join(_licences(lot, ids, job_id)).encode()
    parties, subjects = [party for party, _, _ in lot.rows()], [f"licence/{one}" for one in ids]
    data = {
        "jobId": str(job_id),
        "courseId": str(job_id),
        "courseVersionId": str(job_id),
        "completedOn": FIRST_DAY.isoformat(),
        "validFrom": "2025-01-01T00:00:00+00:00",
        "expiresAt": "2028-01-01T00:00:00+00:00",
    }
    events = "".join(event_lines(ORG, "licence.recorded", subjects, parties, data, before=found[0])).encode()
    begin = time.perf_counter()
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(LICENCE) as rows:
            rows.write(licences)
        cursor.execute("UPDATE event_stream SET last_sequence = last_sequence + %s WHERE org_id = %s", (len(ids), ORG))
        with cursor.copy(EVENT) as rows:
            rows.write(events)
    return time.perf_counter() - begin


def _licences(lot: Lot, ids: Sequence[uuid.UUID], job_id: uuid.UUID) -> Iterator[str]:
    now = datetime.now(UTC)
    for n, (made, (party, course, day)) in enumerate(zip(ids, lot.rows(), strict=True), start=1):
        who = f"{ORG}\t{made}\t{party}\t{course}\t{course}\t{job_id}\tmember\t{ACTOR}\t{now}"
        dates = f"{day}T00:00:00Z\t2028-01-01T00:00:00Z\trecorded\t{uuid.uuid4().hex[:16].upper()}"
        yield f"{who}\t{dates}\t{party}-{course.hex[:8]}\t{n}\t{n}\t{day}\tFalck Nutec\n"


def measure(rows: int, rounds: int, progress: Progress) -> tuple[list[float], list[float], Conditions]:
    """Let the floor and Rollcall take turns. One turn before the first warms up. Returns both, and the conditions."""
    bar, load_before = progress.add_task("Starting", total=None), os.getloadavg()[0]
    floors: list[float] = []
    ours: list[float] = []
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load_before)
        ground = lay_out(connection, rows // RECORDS_A_PARTY, ORG)
        connection.execute("UPDATE organization SET training_entitled = true, training_enabled = true")
        progress.update(bar, description=f"Importing {rows:,} records", total=2 * rounds)
        for n in range(rounds + 1):
            for ours_next in (False, True) if n % 2 else (True, False):
                lot = add_lot(connection, ground)
                taken = bring_in(system, connection, lot) if ours_next else copy(connection, lot)
                _check(connection, lot)
                if n:
                    (ours if ours_next else floors).append(taken)
                    found.look_at_load()
                    progress.advance(bar)
    return floors, ours, found


def _check(connection: Connection, lot: Lot) -> None:
    """Raise RuntimeError unless each record is a licence that counts."""
    counted = connection.execute(
        "SELECT count(*) FROM licence WHERE org_id = %s AND course_id = ANY (%s) AND superseded_at IS NULL",
        (ORG, list(lot.courses)),
    ).fetchone()
    if counted != (len(lot.parties) * len(lot.courses),):
        raise RuntimeError(f"{counted} licences count")


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.records", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="the number of records in an import")
    parser.add_argument("--rounds", type=int, default=5, help="the number of turns that each has")
    given, console = parser.parse_args(), Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        floors, ours, found = measure(given.rows, given.rounds, progress)
    against = contest("the COPY floor of their own rows", given.rows, floors, ours, 1.5, found.load_before)
    shown = [against, Table("Where and when", ["what", "it was"], found.rows())]
    console.print(f"medians: {median(floors):.2f} s and {median(ours):.2f} s")
    for table in shown:
        table.show(console)
    PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in shown), EXPLANATION]))
    console.print(f"Written to {PAGE}.")


if __name__ == "__main__":
    main()
