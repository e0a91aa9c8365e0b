"""`python -m bench.assigning [--sizes 2000,20000,200000] [--rounds 5] [--quick]`: writes `bench/RESULTS.md`."""

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import bench
from bench import alternatives, conditions, floor, rollcall
from bench.ground import Connection, Ground, lane, lay_out
from bench.report import FLOOR, LOOP, ROLLCALL, TASKS, Figures, page, tables
from bench.running import System, running
from bench.turns import Entry, Times, take

RESULTS = Path(__file__).with_name("RESULTS.md")
POSTED = 2_000
"""The number of recipients of the POST whose answer is timed, and of parties for the plain designs."""


@dataclass(frozen=True)
class Plan:
    """How much to measure. seconds: limit for all runs; those that do not fit are left out. posts: how many to time."""

    sizes: tuple[int, ...]
    rounds: int
    plain_rounds: int
    posts: int
    seconds: float


class Peak:
    """The highest resident memory of each process, sampled while a job runs."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.bytes: dict[str, int] = {}

    def look(self) -> None:
        """Take one sample."""
        for name, now in self._system.resident_bytes().items():
            self.bytes[name] = max(now, self.bytes.get(name, 0))


def measure(plan: Plan, progress: Progress) -> Figures:
    """Start the whole system, let the contenders take turns, and return the figures."""
    bar, load_before = progress.add_task("Starting", total=None), os.getloadavg()[0]
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        found, peak, times = conditions.look(system, connection, load_before), Peak(system), Times()
        progress.update(bar, description="Filling the directories")
        grounds = {size: lay_out(connection, size) for size in sorted({*plan.sizes, POSTED})}
        first = _entries(system, connection, grounds, plan, peak)
        progress.update(bar, description="Measuring", total=_rounds(first))
        until = time.monotonic() + plan.seconds

        def done() -> None:
            found.look_at_load()
            progress.advance(bar)

        with alternatives.worker(system):
            warm_up = [replace(entry, rounds=1) for entry in first if entry.name in (FLOOR, ROLLCALL)][:2]
            take(connection, warm_up, Times(), until, lambda: None)
            posts = rollcall.post(system, connection, lane(connection, grounds[POSTED]), plan.posts)
            take(connection, first, times, until, done)
            longer = _plain(system, connection, grounds[min(set(plan.sizes) - {POSTED}, default=POSTED)], rounds=1)
            progress.update(bar, description="The plain designs at length", total=_rounds(first + longer))
            take(connection, longer, times, until, done)
    return Figures(times, posts, peak.bytes, found)


def _entries(system: System, connection: Connection, grounds: dict[int, Ground], plan: Plan, peak: Peak) -> list[Entry]:
    """Returns the contenders: the floor and Rollcall on every ground, the plain designs on the small one."""
    entries = []
    for size in plan.sizes:
        watch = peak.look if size == max(plan.sizes) else lambda: None
        ours = partial(rollcall.assign, system, connection, meanwhile=watch)
        entries.append(Entry(FLOOR, grounds[size], partial(floor.copy, connection), plan.rounds))
        entries.append(Entry(ROLLCALL, grounds[size], ours, plan.rounds))
    return entries + _plain(system, connection, grounds[POSTED], plan.plain_rounds)


def _plain(system: System, connection: Connection, ground: Ground, rounds: int) -> list[Entry]:
    loop, tasks = partial(alternatives.loop, system, connection), partial(alternatives.tasks, system, connection)
    return [Entry(LOOP, ground, loop, rounds), Entry(TASKS, ground, tasks, rounds)]


def _rounds(entries: Iterable[Entry]) -> int:
    return sum(entry.rounds for entry in entries)


def _plan() -> tuple[Plan, bool]:
    """Returns the plan that the command line describes, and True if the page is to be written."""
    parser = argparse.ArgumentParser(prog="python -m bench.assigning", description=bench.__doc__)
    parser.add_argument("--sizes", default="2000,20000,200000", help="numbers of parties, separated by commas")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs; medians count")
    parser.add_argument(
        "--seconds", type=float, default=420, help="time limit; runs that do not fit are left out and listed"
    )
    parser.add_argument("--quick", action="store_true", help="a short run within a minute that writes no page")
    given = parser.parse_args()
    if given.quick:
        return Plan(sizes=(2_000, 20_000), rounds=2, plain_rounds=1, posts=5, seconds=40), False
    sizes = tuple(sorted({int(size) for size in given.sizes.split(",")}))
    return Plan(sizes, given.rounds, given.rounds, posts=20, seconds=given.seconds), True


def main() -> None:
    """Measure, print the tables and write the page."""
    plan, writes = _plan()
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        figures = measure(plan, progress)
    for table in tables(figures):
        table.show(console)
    for left_out in figures.times.left_out:
        console.print(f"Left out for lack of time: {left_out}.")
    if writes:
        RESULTS.write_text(page(figures))
        console.print(f"Written to {RESULTS}.")


if __name__ == "__main__":
    main()
