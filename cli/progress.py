"""How a job is coming along, shown to a person: a bar on a terminal, now and then a line elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.front_desk import FrontDesk, Way
from shared.jobs import FINAL_STATES, Outcome

INTERRUPTED = 130
SHOWN_FAILURES = 10
_LOOK_SECONDS = 0.3
"""How long the API holds an answer back, should the job not end sooner."""

Counts = Mapping[str, int]


def follow(desk: FrontDesk, job: Any, way: Way) -> int:
    """Show a job until it has ended, and then how. Answers the exit code. Raises Failed."""
    told = Console(stderr=True, highlight=False)
    told.print(f"Job {job['id']}", soft_wrap=True)
    try:
        job = watch(desk, job, told)
    except KeyboardInterrupt:
        told.print(f"The job goes on without you; to look again: rollcall jobs watch {job['id']} {way}", soft_wrap=True)
        return INTERRUPTED
    return conclude(desk, job, way, Console(highlight=False))


def watch(desk: FrontDesk, job: Any, console: Console) -> Any:
    """Show a job until it has ended. Answers the job as it then is. Raises Failed."""
    with _shown(console, job["counts"]["total"]) as show:
        show(job["counts"])
        while job["state"] not in FINAL_STATES:
            job = desk.get(f"/v1/jobs/{job['id']}", wait=_LOOK_SECONDS)
            show(job["counts"])
    return job


@contextmanager
def _shown(console: Console, total: int) -> Iterator[Callable[[Counts], None]]:
    if not console.is_terminal:
        yield _lines(console, total)
        return
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=total)
        yield lambda counts: progress.update(task, completed=_done(counts), description=_words(counts))


def _lines(console: Console, total: int) -> Callable[[Counts], None]:
    """Says something each time another tenth is done."""
    said = -1

    def say(counts: Counts) -> None:
        nonlocal said
        tenths = _done(counts) * 10 // max(total, 1)
        if tenths > said:
            said = tenths
            console.print(f"{_done(counts):,} of {total:,}  {_words(counts)}", soft_wrap=True)

    return say


def _done(counts: Counts) -> int:
    return counts["total"] - counts["pending"]


def _words(counts: Counts) -> str:
    """What became of those that are done. Every word of the three stays in its place while numbers change."""
    return "  ".join(f"{counts[outcome]:,} {outcome}" for outcome in ("succeeded", "unchanged", "failed"))


def conclude(desk: FrontDesk, job: Mapping[str, Any], way: Way, console: Console) -> int:
    """Say how a job ended, who failed and why, and what to do about it. Answers the exit code."""
    state = job["state"].replace("_", " ")
    console.print(f"Job {job['id']} {state}.", soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for outcome in Outcome:
        if job["counts"][outcome]:
            table.add_row(f"{job['counts'][outcome]:>9,}", outcome)
    console.print(table)
    if not job["counts"]["failed"]:
        return 0 if job["state"] == "succeeded" else 1
    failures = desk.get(f"/v1/jobs/{job['id']}/results", outcome="failed", limit=SHOWN_FAILURES)["items"]
    print_results(failures, console)
    if job["counts"]["failed"] > len(failures):
        command = f"rollcall jobs results {job['id']} --outcome failed {way}"
        console.print(f"... and {job['counts']['failed'] - len(failures):,} more: {command}", soft_wrap=True)
    console.print(f"Once put right: rollcall jobs retry {job['id']} {way}", soft_wrap=True)
    return 1


def print_results(results: list[dict[str, Any]], console: Console) -> None:
    """One line for each recipient."""
    table = Table("party", "outcome", "detail", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for result in results:
        table.add_row(result["entityId"], f"{result['outcome']}: {result['code']}", result["detail"])
    console.print(table)
