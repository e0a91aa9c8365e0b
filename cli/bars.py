"""Progress bars, drawn by rich: one form for every command that counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def bar(
    console: Console, total: int, description: str = "", *, transient: bool = False
) -> Iterator[Callable[..., None]]:
    """Show a bar, "<completed> of <total> <description>" and the time, while the block runs. Nothing off a terminal.

    Yields a function that takes what changes, by keyword: `completed`, `advance`, `description`.
    transient: erase the bar at the end of the block.
    """
    counted = TextColumn("{task.completed:,.0f} of {task.total:,.0f}")
    columns = (BarColumn(), counted, TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=transient, disable=not console.is_terminal) as progress:
        yield partial(progress.update, progress.add_task(description, total=total))
