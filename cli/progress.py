"""The progress of a job on a terminal: a bar, or, where the output is no terminal, a line for each tenth."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.bars import bar
from cli.client import ApiClient, Target
from shared.jobs import FINAL_STATES, Outcome

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""
SHOWN_FAILURES = 10
_LOOK_SECONDS = 0.3
"""Upper bound for how long the API delays its response while the job is unfinished: the rate at which we redraw."""

Counts = Mapping[str, int]


def follow(client: ApiClient, job: Any, target: Target, wanted: str = "succeeded") -> int:
    """Show a job until it ends, then its result. Returns the exit code: 0 if its state is `wanted`. Raises Failed."""
    messages = Console(stderr=True, highlight=False)
    messages.print(f"Job {job['id']}", soft_wrap=True)
    try:
        job = watch(client, job, messages)
    except KeyboardInterrupt:
        again = f"rollcall jobs watch {job['id']} {target}"
        messages.print(f"Stopped watching; the job continues. To watch it again: {again}", soft_wrap=True)
        return INTERRUPTED
    return conclude(client, job, target, Console(highlight=False), wanted)


def watch(client: ApiClient, job: Any, console: Console) -> Any:
    """Show a job until it ends. Returns the job as it is then. Raises Failed."""
    with _shown(console, job["counts"]["total"]) as show:
        show(job["counts"])
        while job["state"] not in FINAL_STATES:
            job = client.get(f"/v1/jobs/{job['id']}", wait=_LOOK_SECONDS)
            show(job["counts"])
    return job


@contextmanager
def _shown(console: Console, total: int) -> Iterator[Callable[[Counts], None]]:
    if not console.is_terminal:
        yield _lines(console, total)
        return
    with bar(console, total) as update:
        yield lambda counts: update(completed=_done(counts), description=_words(counts))


def _lines(console: Console, total: int) -> Callable[[Counts], None]:
    """Returns a function that prints a line each time another tenth is done."""
    printed = -1

    def show(counts: Counts) -> None:
        nonlocal printed
        tenths = _done(counts) * 10 // max(total, 1)
        if tenths > printed:
            printed = tenths
            console.print(f"{_done(counts):,} of {total:,}  {_words(counts)}", soft_wrap=True)

    return show


def _done(counts: Counts) -> int:
    return counts["total"] - counts["pending"]


def _words(counts: Counts) -> str:
    """The count of each outcome. All three are always printed, so that they keep their places while numbers change."""
    return "  ".join(f"{counts[outcome]:,} {outcome}" for outcome in ("succeeded", "unchanged", "failed"))


def conclude(
    client: ApiClient, job: Mapping[str, Any], target: Target, console: Console, wanted: str = "succeeded"
) -> int:
    """Print how a job ended, which recipients failed and why, and the command to retry. Returns the exit code."""
    state = job["state"].replace("_", " ")
    console.print(f"Job {job['id']} {state}.", soft_wrap=True)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for outcome in Outcome:
        if job["counts"][outcome]:
            table.add_row(f"{job['counts'][outcome]:>9,}", outcome)
    console.print(table)
    if not job["counts"]["failed"]:
        return 0 if job["state"] == wanted else 1
    failures = client.get(f"/v1/jobs/{job['id']}/results", outcome="failed", limit=SHOWN_FAILURES)["items"]
    print_results(failures, console)
    if job["counts"]["failed"] > len(failures):
        command = f"rollcall jobs results {job['id']} --outcome failed {target}"
        console.print(f"... and {job['counts']['failed'] - len(failures):,} more: {command}", soft_wrap=True)
    retry = f"rollcall jobs retry {job['id']} {target}"
    console.print(f"Correct the causes, then retry the failed ones: {retry}", soft_wrap=True)
    return 0 if job["state"] == wanted else 1


def print_results(results: list[dict[str, Any]], console: Console) -> None:
    """Print one line for each recipient."""
    table = Table("party", "outcome", "detail", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for result in results:
        table.add_row(result["entityId"], f"{result['outcome']}: {result['code']}", result["detail"])
    console.print(table)
