"""`python -m bench.licences [--licences 1000000] [--large]`: what a completed session, a sweep and a check cost.

Writes `bench/LICENCES.md`. Each is set against what PostgreSQL, or the web framework, needs at least for the same.
"""

import argparse
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg
from psycopg.sql import SQL, Identifier
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import conditions, sitting
from bench.conditions import Conditions
from bench.ground import Connection
from bench.report import Table, compared, readable
from bench.rollcall import Coordinator
from bench.running import System, running

PAGE = Path(__file__).with_name("LICENCES.md")
SESSION, ROUNDS = 2_000, 5
DUE, HOLDERS = 20_000, 10_000
CALLERS, WINDOW_SECONDS = 8, 2.0
SWEEP_ORG = "bench-sweep"
SWEPT_COURSES = 2 * 2 * 2 * ROUNDS
"""Two for each round of the floor and of Rollcall, among few and among many."""

INTRODUCTION = """\
# What licences cost

Written by `make bench` on the embedded PostgreSQL and Redis, with the API, the worker and beat as `rollcall up` runs
them. Times are medians, ratios are ratios of medians; in brackets the lowest and the highest round.
"""

EXPLANATION = """\
## How it is measured
- *Session*: 2,000 parties on the roster, each with an open assignment. Floor: licences and events by COPY, and one
  UPDATE that completes the assignments, in one transaction as the superuser. Rollcall: from `POST .../complete` to
  seeing the job succeeded. Each run has a course, a session and assignments of its own.
- *Sweep*: 20,000 licences reach their first notice among so many that do not. Floor: one `UPDATE ... RETURNING` of
  `licence_due` into events, as the superuser. Rollcall: from `POST /v1/sweeps` to seeing the run finished. Events are
  counted afterwards, and a round begins when the stream and the planner are through with those of the one before.
- *Check*: requests a second of `GET /v1/licences/check` for random holders against those of `GET /v1/limits`, which
  verifies the token and reads nothing, in turns, by eight callers with a kept connection each. That one runs in a
  thread, as ordinary routes do; the check has none. Without a thread the floor would answer about half as many again.
"""


@dataclass
class Figures:
    """Seconds by round, or requests a second."""

    session_floor: list[float] = field(default_factory=list)
    session: list[float] = field(default_factory=list)
    sweep_floor: dict[int, list[float]] = field(default_factory=dict)
    sweep: dict[int, list[float]] = field(default_factory=dict)
    limits: list[float] = field(default_factory=list)
    check: list[float] = field(default_factory=list)


# --- sweep


def fill(connection: Connection, first: int, last: int) -> None:
    """Courses number `first` to `last`, each with a licence for each of 10,000 holders, none of which is due.

    Without foreign keys and triggers, and the indexes are built afterwards: nothing here is measured.
    """
    with connection.transaction(), without_indexes(connection):
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in (
            "INSERT INTO organization (id, name, time_zone, created_at) VALUES (%(org)s, 'Sweep', 'UTC', now()) "
            "ON CONFLICT DO NOTHING",
            "INSERT INTO event_stream (org_id) VALUES (%(org)s) ON CONFLICT DO NOTHING",
            """INSERT INTO party (org_id, id, display_name, created_at, updated_at)
               SELECT %(org)s, 'party-' || to_char(n, 'FM00000'), 'Party', now(), now()
               FROM generate_series(1, %(holders)s::int) AS n ON CONFLICT DO NOTHING""",
            """INSERT INTO course (org_id, id, title, code, mode, licence_on, created_at, updated_at)
               SELECT %(org)s, md5('course ' || c)::uuid, 'Course', 'C' || c, 'flex', 'session', now(), now()
               FROM generate_series(%(first)s::int, %(last)s::int) AS c""",
            """INSERT INTO course_version (org_id, id, course_id, label, state, created_at, published_at)
               SELECT %(org)s, md5('course ' || c)::uuid, md5('course ' || c)::uuid, 'v1', 'active', now(), now()
               FROM generate_series(%(first)s::int, %(last)s::int) AS c""",
            """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type,
                                    granted_by_id, granted_at, expires_at, months, rule)
               SELECT %(org)s, 'party-' || to_char(n, 'FM00000'), course, course, course, 'member', 'bench',
                   now() - interval '100 days', now() + CASE WHEN c <= %(swept)s THEN interval '59 days'
                       ELSE interval '100 days' + random() * interval '200 days' END, 12, 'monthsFromGrant'
               FROM (SELECT c, md5('course ' || c)::uuid AS course
                     FROM generate_series(%(first)s::int, %(last)s::int) AS c) AS courses,
                   generate_series(1, %(holders)s::int) AS n""",
            """INSERT INTO licence_due (org_id, licence_id, expires_at, counts, notices)
               SELECT org_id, id, expires_at, true, (expires_at < now() + interval '60 days')::int FROM licence
               WHERE org_id = %(org)s AND course_id IN (
                   SELECT md5('course ' || c)::uuid FROM generate_series(%(first)s::int, %(last)s::int) AS c)
               ORDER BY id""",
        ):
            connection.execute(
                statement, {"org": SWEEP_ORG, "holders": HOLDERS, "first": first, "last": last, "swept": SWEPT_COURSES}
            )
    connection.execute("VACUUM ANALYZE licence, licence_due, party")


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """In this block licences have their primary key alone."""
    unique = connection.execute("""
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = 'licence'::regclass AND contype = 'u'""").fetchall()
    for name, _ in unique:
        connection.execute(SQL("ALTER TABLE licence DROP CONSTRAINT {}").format(Identifier(name)))
    indexes = connection.execute("""
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = 'licence'::regclass AND NOT indisprimary""").fetchall()
    for name, _ in indexes:
        connection.execute(SQL("DROP INDEX {}").format(Identifier(name)))
    yield
    for name, definition in unique:
        connection.execute(SQL("ALTER TABLE licence ADD CONSTRAINT {} {}").format(Identifier(name), SQL(definition)))
    for _, definition in indexes:
        connection.execute(SQL(definition))


def make_due(connection: Connection, pair: int) -> None:
    """Let the licences of two courses reach their first notice, and what came before be at rest."""
    courses = [f"course {2 * pair + 1}", f"course {2 * pair + 2}"]
    connection.execute(
        """UPDATE licence_due SET notices = 0 FROM licence
           WHERE licence.org_id = %s AND course_id IN (SELECT md5(c)::uuid FROM unnest(%s::text[]) AS c)
               AND licence_due.org_id = licence.org_id AND licence_id = id""",
        (SWEEP_ORG, courses),
    )
    sitting.until(
        connection,
        """SELECT coalesce(min(consumer.last_sequence) >= max(stream.last_sequence), true)
           FROM event_consumer AS consumer JOIN event_stream AS stream USING (org_id) WHERE org_id = %s""",
        (SWEEP_ORG,),
        time.perf_counter(),
    )
    connection.execute("VACUUM licence_due")
    connection.execute("CHECKPOINT")


def sweep_floor(connection: Connection) -> float:
    """One bare UPDATE ... RETURNING into events."""
    begin = time.perf_counter()
    with connection.transaction():
        connection.execute(
            """WITH told AS (
                   UPDATE licence_due SET notices = 1 FROM licence
                   WHERE licence_due.org_id = %(org)s AND licence_due.due_at <= now()
                       AND licence.org_id = licence_due.org_id AND id = licence_id
                   RETURNING id, party_id, licence.expires_at
               ), numbered AS (
                   UPDATE event_stream SET last_sequence = last_sequence + (SELECT count(*) FROM told)
                   WHERE org_id = %(org)s RETURNING last_sequence - (SELECT count(*) FROM told) AS before
               )
               INSERT INTO event (org_id, sequence, type, subject, recorded_at, actor_type, actor_id, party_id, data)
               SELECT %(org)s, before + row_number() OVER (), 'licence.expiring', 'licence/' || id, now(), 'system',
                   'bench', party_id, jsonb_build_object('daysBefore', 60, 'expiresAt', expires_at)
               FROM told, numbered""",
            {"org": SWEEP_ORG},
        )
    return time.perf_counter() - begin


def sweep(system: System, connection: Connection) -> float:
    """Ask for a sweep over HTTP and wait until it has finished."""
    coordinator = Coordinator(system, SWEEP_ORG)
    begin = time.perf_counter()
    asked = coordinator.call("POST", "/v1/sweeps", b"{}", 202)
    sitting.until(
        connection, "SELECT finished_at IS NOT NULL FROM sweep WHERE id = %s", (uuid.UUID(asked["id"]),), begin
    )
    return time.perf_counter() - begin


def told(connection: Connection) -> int:
    """How many notices there are."""
    row = connection.execute(
        "SELECT count(*) FROM event WHERE org_id = %s AND type = 'licence.expiring'", (SWEEP_ORG,)
    ).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def sweep_rounds(system: System, connection: Connection, size: int, pair: int, figures: Figures) -> Iterator[None]:
    """Floor and Rollcall in turns, each with 20,000 licences of its own."""
    contenders: list[tuple[dict[int, list[float]], Callable[[], float]]] = [
        (figures.sweep_floor, lambda: sweep_floor(connection)),
        (figures.sweep, lambda: sweep(system, connection)),
    ]
    for number in range(ROUNDS):
        for seconds, run in contenders if number % 2 == 0 else contenders[::-1]:
            make_due(connection, pair)
            pair, before = pair + 1, told(connection)
            seconds.setdefault(size, []).append(run())
            if (found := told(connection) - before) != DUE:
                raise RuntimeError(f"of {DUE} licences {found} were told of")
            yield


# --- check


def requests_a_second(system: System, path: Callable[[int], str], seconds: float) -> float:
    """What so many callers get answered, each over a connection of its own."""

    def call(caller: int) -> int:
        coordinator, number, until = Coordinator(system, SWEEP_ORG), 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            coordinator.get(path(caller * 7919 + number * 31))
            number += 1
        return number

    with ThreadPoolExecutor(CALLERS) as callers:
        return sum(callers.map(call, range(CALLERS))) / seconds


def check_path(course_id: uuid.UUID) -> Callable[[int], str]:
    """The address of a check for one of the holders."""
    return lambda n: f"/v1/licences/check?partyId=party-{n % HOLDERS + 1:05}&courseId={course_id}"


# --- the page


def measure(licences: int, large: bool, progress: Progress) -> tuple[Figures, Conditions]:
    """Everything in one run, on one system."""
    bar, load_before, figures = progress.add_task("Starting", total=None), os.getloadavg()[0], Figures()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load_before)
        progress.update(bar, description=f"A session of {SESSION:,}", total=2 * ROUNDS)
        for _ in sitting.rounds(system, connection, SESSION, ROUNDS, figures.session_floor, figures.session):
            progress.advance(bar)
        courses = max(licences // HOLDERS, SWEPT_COURSES)
        progress.update(bar, description=f"Filling in {courses * HOLDERS:,} licences", completed=0, total=None)
        fill(connection, 1, courses)
        progress.update(bar, description="Sweeping", total=2 * ROUNDS)
        for _ in sweep_rounds(system, connection, courses * HOLDERS, 0, figures):
            found.look_at_load()
            progress.advance(bar)
        checking(system, connection, figures)
        if large:
            progress.update(bar, description="Filling in ten times as many", completed=0, total=None)
            fill(connection, courses + 1, 10 * courses)
            progress.update(bar, description="Sweeping", total=2 * ROUNDS)
            for _ in sweep_rounds(system, connection, 10 * courses * HOLDERS, 2 * ROUNDS, figures):
                progress.advance(bar)
    return figures, found


def checking(system: System, connection: Connection, figures: Figures) -> None:
    """Both routes in turns; one turn before the first warms up."""
    row = connection.execute("SELECT id FROM course WHERE org_id = %s ORDER BY code DESC LIMIT 1", (SWEEP_ORG,))
    (course_id,) = row.fetchone() or (uuid.uuid4(),)
    paths: list[tuple[list[float], Callable[[int], str]]] = [
        (figures.limits, lambda _: "/v1/limits"),
        (figures.check, check_path(course_id)),
    ]
    for number in range(ROUNDS + 1):
        for rates, path in paths if number % 2 == 0 else paths[::-1]:
            rate = requests_a_second(system, path, WINDOW_SECONDS)
            if number:
                rates.append(rate)


def tables(figures: Figures, found: Conditions) -> list[Table]:
    """What is worth showing."""
    rows = [_against(f"session of {SESSION:,}", figures.session_floor, figures.session, 1.5, found)]
    for size, floor in figures.sweep_floor.items():
        rows.append(_against(f"sweep, {DUE:,} due among {size:,}", floor, figures.sweep[size], 1.5, found))
    sizes, besides = sorted(figures.sweep), []
    if len(sizes) > 1:
        ratio = median(figures.sweep[sizes[-1]]) / median(figures.sweep[sizes[0]])
        besides.append(compared(f"sweep among {sizes[-1]:,} against {sizes[0]:,}", ratio, 1.2, found.busy))
    rate, empty = median(figures.check), median(figures.limits)
    besides.append(
        compared(f"GET /v1/limits ({empty:,.0f}/s) against check ({rate:,.0f}/s)", empty / rate, 1 / 0.7, found.busy)
    )
    return [
        Table("Against the floor", ["what", "floor", "Rollcall", "times the floor (rounds)", "at most", ""], rows),
        Table("Besides", ["what", "times", "at most", ""], besides),
        Table("Where and when", ["what", "it was"], found.rows()),
    ]


def _against(what: str, floor: list[float], ours: list[float], target: float, found: Conditions) -> list[str]:
    rounds = [one / other for one, other in zip(ours, floor, strict=True)]
    ratio = median(ours) / median(floor)
    verdict = compared(what, ratio, target, found.busy)[-1]
    times = f"{ratio:.2f} ({min(rounds):.2f} to {max(rounds):.2f})"
    return [what, readable(median(floor)), readable(median(ours)), times, f"{target}", verdict]


def main() -> None:
    """Measure, show, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.licences", description=__doc__)
    parser.add_argument("--licences", type=int, default=1_000_000, help="among how many the sweep finds what is due")
    parser.add_argument("--large", action="store_true", help="also among ten times as many, which takes minutes more")
    given = parser.parse_args()
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        figures, found = measure(given.licences, given.large, progress)
    shown = tables(figures, found)
    for table in shown:
        table.show(console)
    PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in shown), EXPLANATION]))
    console.print(f"Written to {PAGE}.")


if __name__ == "__main__":
    main()
