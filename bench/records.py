"""`python -m bench.records [--rows 20000] [--rounds 5]`: the cost of importing records of the past.

Writes `bench/RECORDS.md`. An import is compared with COPY of the rows that it leaves: licences and their events.
"""

import argparse
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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

TRIED = """\
## What was tried
Figures of 2026-11-27 for 20,000 records, in seconds of the processor, while other work kept both processors busy (load
5 to 9). Those of the API, the workers and PostgreSQL as a whole are medians of a run before and of a run after; those
of single statements are the least of five turns within one run.

Kept:
- The API, 0.82 to 0.26: rows are tuples, not dataclasses that are copied into dictionaries; the names of the
  organization are compared once for each issuer, not for each row.
- The workers, 1.35 to 0.75: each row is decided once, and again only if a party or a version has changed before the
  locks; ids and numbers of an array are written in one piece; rows that went in are deleted without reading their keys.
- PostgreSQL, 2.10 to 1.63, of which:
  - the rows of the request 0.21 to 0.15, and the licences 1.13 to 1.08, as an array for each column, not as JSON;
  - the licences 1.08 to 0.92 by drawing their codes in the worker, not by `licence_code()` (COPY takes 0.90);
  - the events 0.36 to 0.26 by making them of what the worker has at hand, not of the licences read again. Other chunks
    wait for the counter meanwhile.

Not kept:
- The rows of the request without their foreign key to the organization, 0.15 to 0.08: this takes a migration.
- The data of events as JSON texts in an array, not as one JSON array, 0.26 to 0.24: texts in texts need escaping.

What is left above the floor is the rows of the request (stored and deleted again), validation, the decisions, a claim
and a commit for each chunk, and the relay of the events to the stream, which runs meanwhile (`sender`).
"""

LICENCE = """COPY licence (org_id, id, party_id, course_id, course_version_id, job_id, granted_by_type, granted_by_id,
    granted_at, valid_from, expires_at, rule, code, record_key, record_row, record_line, completed_on, issuer)
    FROM STDIN"""
FIRST_DAY = date(2025, 1, 1)
LEAST_SHOWN_SECONDS = 0.05
"""A part that used less of the processor has no line."""


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


@dataclass
class Turns:
    """The seconds of each turn, and the seconds of the processor by part of the system, of one contender."""

    seconds: list[float] = field(default_factory=list)
    used: list[dict[str, float]] = field(default_factory=list)

    def of_processor(self, part: str = "") -> float:
        """Returns the median of the processor's seconds, of all parts by default."""
        return median(sum(each.values()) if not part else each[part] for each in self.used)


def measure(rows: int, rounds: int, progress: Progress) -> tuple[Turns, Turns, Conditions]:
    """Let the floor and Rollcall take turns. One turn before the first warms up. Returns both, and the conditions."""
    bar, load_before = progress.add_task("Starting", total=None), os.getloadavg()[0]
    floors, ours = Turns(), Turns()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load_before)
        ground = lay_out(connection, rows // RECORDS_A_PARTY, ORG)
        connection.execute("UPDATE organization SET training_entitled = true, training_enabled = true")
        progress.update(bar, description=f"Importing {rows:,} records", total=2 * rounds)
        for n in range(rounds + 1):
            for ours_next in (False, True) if n % 2 else (True, False):
                lot, before = add_lot(connection, ground), system.processor_seconds()
                taken = bring_in(system, connection, lot) if ours_next else copy(connection, lot)
                after = system.processor_seconds()
                _check(connection, lot)
                if n:
                    turns = ours if ours_next else floors
                    turns.seconds.append(taken)
                    turns.used.append({part: after[part] - before.get(part, 0.0) for part in after})
                    found.look_at_load()
                    progress.advance(bar)
    return floors, ours, found


def _processor(floors: Turns, ours: Turns) -> Table:
    """Returns the table of the processor's time, which other work on the machine changes less than the times."""
    whole, floor = ours.of_processor(), floors.of_processor("postgres")
    rows = [
        [part, f"{ours.of_processor(part):.2f} s"]
        for part in sorted(ours.used[0], key=ours.of_processor, reverse=True)
        if ours.of_processor(part) >= LEAST_SHOWN_SECONDS
    ]
    all_parts = [["PostgreSQL at the floor", f"{floor:.2f} s"], ["Rollcall, all parts", f"{whole:.2f} s"], *rows]
    return Table("Time of the processor", ["part", "median"], all_parts)


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
    of_rows = "the COPY floor of their own rows"
    against = contest(of_rows, given.rows, floors.seconds, ours.seconds, 1.5, found.load_before)
    shown = [against, _processor(floors, ours), Table("Where and when", ["what", "it was"], found.rows())]
    for table in shown:
        table.show(console)
    PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in shown), EXPLANATION, TRIED]))
    console.print(f"Written to {PAGE}.")


if __name__ == "__main__":
    main()
