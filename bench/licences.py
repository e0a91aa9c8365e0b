"""`python -m bench.licences [--licences 1000000] [--large]`: the cost of a completed session and of a sweep.

Writes `bench/LICENCES.md`. Sessions (`sitting`) and sweeps (`sweep`) are compared with the bare SQL statements. What a
licence check costs is measured by `bench.requests`.
"""

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import conditions, sitting, sweep
from bench.conditions import Conditions
from bench.report import Table, compared, readable
from bench.running import running
from bench.sweep import DUE, HOLDERS, ROUNDS, SWEPT_COURSES

PAGE = Path(__file__).with_name("LICENCES.md")
SESSION = 2_000

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
- *Sweep*: 20,000 licences are due for their first notice; the others are not. Floor: one `UPDATE ... RETURNING` of
  `licence_due` into events, as the superuser. Rollcall: from `POST /v1/sweeps` to seeing the run finished. Events are
  counted afterwards. A round begins when the stream and the planner have consumed the events of the former round.
"""


@dataclass
class Figures:
    """Seconds per round. Sweeps are listed by the number of licences."""

    session_floor: list[float] = field(default_factory=list)
    session: list[float] = field(default_factory=list)
    sweep_floor: dict[int, list[float]] = field(default_factory=dict)
    sweep: dict[int, list[float]] = field(default_factory=dict)

    def sweeps(self, size: int) -> tuple[list[float], list[float]]:
        """Returns the lists of the floor and of Rollcall for sweeps among this many licences."""
        return self.sweep_floor.setdefault(size, []), self.sweep.setdefault(size, [])


def measure(licences: int, large: bool, progress: Progress) -> tuple[Figures, Conditions]:
    """Measure everything in one run, on one system."""
    bar, load_before, figures = progress.add_task("Starting", total=None), os.getloadavg()[0], Figures()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found = conditions.look(system, connection, load_before)
        progress.update(bar, description=f"A session of {SESSION:,}", total=2 * ROUNDS)
        for _ in sitting.rounds(system, connection, SESSION, ROUNDS, figures.session_floor, figures.session):
            progress.advance(bar)
        courses = max(licences // HOLDERS, SWEPT_COURSES)
        progress.update(bar, description=f"Filling in {courses * HOLDERS:,} licences", completed=0, total=None)
        sweep.fill(connection, 1, courses)
        progress.update(bar, description="Sweeping", total=2 * ROUNDS)
        for _ in sweep.rounds(system, connection, 0, *figures.sweeps(courses * HOLDERS)):
            found.look_at_load()
            progress.advance(bar)
        if large:
            progress.update(bar, description="Filling in ten times as many", completed=0, total=None)
            sweep.fill(connection, courses + 1, 10 * courses)
            progress.update(bar, description="Sweeping", total=2 * ROUNDS)
            for _ in sweep.rounds(system, connection, 2 * ROUNDS, *figures.sweeps(10 * courses * HOLDERS)):
                progress.advance(bar)
    return figures, found


def tables(figures: Figures, found: Conditions) -> list[Table]:
    """Returns the tables of the page."""
    rows = [_against(f"session of {SESSION:,}", figures.session_floor, figures.session, 1.5, found)]
    for size, floor in figures.sweep_floor.items():
        rows.append(_against(f"sweep, {DUE:,} due among {size:,}", floor, figures.sweep[size], 1.5, found))
    sizes, others = sorted(figures.sweep), []
    if len(sizes) > 1:
        ratio = median(figures.sweep[sizes[-1]]) / median(figures.sweep[sizes[0]])
        others.append(compared(f"sweep among {sizes[-1]:,} against {sizes[0]:,}", ratio, 1.2, found.busy))
    return [
        Table("Against the floor", ["what", "floor", "Rollcall", "times the floor (rounds)", "at most", ""], rows),
        Table("Other comparisons", ["what", "times", "at most", ""], others),
        Table("Where and when", ["what", "it was"], found.rows()),
    ]


def _against(what: str, floor: list[float], ours: list[float], target: float, found: Conditions) -> list[str]:
    rounds = [one / other for one, other in zip(ours, floor, strict=True)]
    ratio = median(ours) / median(floor)
    verdict = compared(what, ratio, target, found.busy)[-1]
    times = f"{ratio:.2f} ({min(rounds):.2f} to {max(rounds):.2f})"
    return [what, readable(median(floor)), readable(median(ours)), times, f"{target}", verdict]


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.licences", description=__doc__)
    parser.add_argument(
        "--licences",
        type=int,
        default=1_000_000,
        help="the number of licences among which the sweep finds those that are due",
    )
    parser.add_argument("--large", action="store_true", help="also among ten times as many; takes some minutes more")
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
