"""The figures with their targets, as tables in the terminal and on the pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table as RichTable

from bench.conditions import Conditions, too_busy
from bench.rollcall import Answers
from bench.turns import Times

FLOOR, ROLLCALL, LOOP, TASKS = "COPY floor", "Rollcall", "a transaction each", "a Celery task each"

TARGETS = {2_000: 1.5, 20_000: 1.2, 200_000: 1.2}
"""Upper bounds of the ratio to the floor, by number of parties."""
LINEAR, POST_RATIO, RESIDENT_MB = 1.2, 8.0, 200

NO_VERDICT = "too busy to tell"
"""Shown instead of a verdict on a time if other work used half of the processors or more."""

INTRODUCTION = """\
# What assigning costs

Written by `make bench`, in one run, on the embedded PostgreSQL and Redis, with the API, the worker and beat as
`rollcall up` runs them. Times are medians, ratios are ratios of medians; in brackets are the lowest round, the highest
round and the number of rounds.

The machine's own speed cancels out in a ratio. Other work on the machine does not: it slows the floor's one process
more than Rollcall's several processes, so it makes Rollcall look better. If the load before the start was half of the
processors or more, no time is judged.
"""

EXPLANATION = """\
## How it is measured
- *Floor*: the same assignments and events, with all keys and indexes, as prebuilt bytes by COPY, in one transaction
  over one connection, as the superuser, who bypasses row-level security. Ratios below 1.0 are possible, because chunks
  run in parallel.
- *Rollcall*: from sending `POST /v1/assignments` with a folder to seeing the job succeeded, everything committed. The
  end is polled in the job's row over a separate connection and is seen at most 1 % of the time, or 3 ms, late; `?wait=`
  can add 200 ms.
- *A transaction each*, *a Celery task each*: the same rows by the same role, party by party; the tasks with `acks_late`
  on a worker of the same size. Neither design knows which party failed, or notices a lost message.
- Each run has a new course version on the same directory and begins after a checkpoint. Contenders take turns, in
  the opposite order every other round; one round before the first warms up and does not count. After each run,
  assignments and events are counted.
- *POST*: 2,000 recipients by id, until the 202, in turns with empty requests on the same connection; no job runs.
"""


@dataclass(frozen=True)
class Figures:
    """Everything that was measured. resident: the highest resident memory in bytes, by process."""

    times: Times
    answers: Answers
    resident: dict[str, int]
    conditions: Conditions


@dataclass(frozen=True)
class Table:
    """Rows of cells under a title."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Returns the table as a section of a page."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join([f"## {self.title}", *("| " + " | ".join(line) + " |" for line in lines)])

    def show(self, console: Console) -> None:
        """Print the table."""
        table = RichTable(*self.head, title=self.title, title_justify="left")
        for row in self.rows:
            style = "red" if row[-1] == "missed" else None
            table.add_row(*row, style=style)
        console.print(table)


def tables(figures: Figures) -> list[Table]:
    """Returns the tables of the page."""
    floor = ["parties", "floor", "Rollcall", "times the floor (rounds)", "at most", ""]
    plain = ["parties", "design", "time", "times the floor", "times Rollcall"]
    return [
        Table("Against the floor", floor, list(_against_floor(figures))),
        Table("Against the plain designs", plain, list(_against_plain_designs(figures.times))),
        Table("Other comparisons", ["what", "measured", "at most", ""], list(_other_comparisons(figures))),
        Table("Where and when", ["what", "it was"], figures.conditions.rows()),
    ]


def page(figures: Figures) -> str:
    """Returns the page `RESULTS.md`."""
    left_out = figures.times.left_out
    note = f"Left out for lack of time: {'; '.join(left_out)}.\n" if left_out else ""
    parts = [INTRODUCTION, *(table.markdown() + "\n" for table in tables(figures)), note, EXPLANATION]
    return "\n".join(part for part in parts if part)


def _against_floor(figures: Figures) -> Iterator[Sequence[str]]:
    times = figures.times
    for size in _sizes(times, ROLLCALL):
        rounds = times.ratios(ROLLCALL, FLOOR, size)
        ratio, target = times.ratio(ROLLCALL, FLOOR, size), TARGETS.get(size)
        yield [
            f"{size:,}",
            readable(times.median(FLOOR, size)),
            readable(times.median(ROLLCALL, size)),
            _spread(ratio, rounds),
            f"{target}" if target else "",
            _verdict(ratio, target, figures.conditions.busy) if target else "",
        ]


def _against_plain_designs(times: Times) -> Iterator[Sequence[str]]:
    for name in (LOOP, TASKS):
        for size in _sizes(times, name):
            took = times.median(name, size)
            to_floor, to_us = times.ratio(name, FLOOR, size), times.ratio(name, ROLLCALL, size)
            yield [f"{size:,}", name, readable(took), f"{to_floor:.0f}", f"{to_us:.0f}"]


def _other_comparisons(figures: Figures) -> Iterator[Sequence[str]]:
    times, busy = figures.times, figures.conditions.busy
    each = [(size, times.median(ROLLCALL, size) / size) for size in _sizes(times, ROLLCALL)]
    if len(each) > 1:
        (small, short), *_, (large, long) = each
        what = f"time per party at {large:,} ({long * 1e6:.0f} µs) against {small:,} ({short * 1e6:.0f} µs)"
        yield compared(what, long / short, LINEAR, busy)
    answers = figures.answers
    for name, empty in (("/v1/me", answers.me), ("/v1/limits, which reads no row", answers.limits)):
        what = f"POST ({readable(answers.post)}) against GET {name} ({readable(empty)})"
        yield compared(what, answers.post / empty, POST_RATIO, busy)
    for process, resident in figures.resident.items():
        measured = resident / 1e6
        what = f"resident memory of the {process} during the largest job, MB"
        yield [what, f"{measured:.0f}", f"{RESIDENT_MB}", _verdict(measured, RESIDENT_MB)]


def compared(what: str, measured: float, target: float, busy: bool) -> Sequence[str]:
    """Returns a row for a ratio with its upper bound and the verdict."""
    return [what, f"{measured:.2f}", f"{target:.3g}", _verdict(measured, target, busy)]


def contest(what: str, size: int, floors: Sequence[float], ours: Sequence[float], target: float, load: float) -> Table:
    """Returns the table of two contenders. what: the floor's name. target: upper bound of the ratio of the medians.

    load: the load average before the start.
    """
    ratio, each = median(ours) / median(floors), [one / other for one, other in zip(ours, floors, strict=True)]
    return Table(
        f"Against {what}",
        ["how many", "floor", "Rollcall", "times (rounds)", "at most", "load before", ""],
        [
            [
                f"{size:,}",
                readable(median(floors)),
                readable(median(ours)),
                _spread(ratio, each),
                f"{target:.3g}",
                f"{load:.1f}",
                _verdict(ratio, target, too_busy(load)),
            ]
        ],
    )


def publish(table: Table, page: Path, introduction: str, *further: Table) -> None:
    """Print tables and write them as a page."""
    for one in (table, *further):
        one.show(Console())
    parts = "\n\n".join(one.markdown() for one in (table, *further))
    page.write_text(f"{introduction}\n{parts}\n", encoding="utf-8")


def _spread(ratio: float, rounds: Sequence[float]) -> str:
    return f"{ratio:.2f} ({min(rounds):.2f} to {max(rounds):.2f}, {len(rounds)})"


def _verdict(measured: float, target: float, busy: bool = False) -> str:
    return NO_VERDICT if busy else "reached" if measured <= target else "missed"


def _sizes(times: Times, name: str) -> list[int]:
    return sorted(size for known, size in times.seconds if known == name and times.has(name, size))


def readable(seconds: float) -> str:
    """Returns a time for people."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"
