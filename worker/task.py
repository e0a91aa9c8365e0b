"""The decorator for tasks: a task has a fixed name and takes ids. Its errors are logged without values, never retried.

Celery's retries are not used: work that was not done is still due in PostgreSQL, and is found there.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import structlog
from structlog.contextvars import bound_contextvars

from worker.app import app, note_presence

P = ParamSpec("P")
log = structlog.get_logger()


def task(name: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Register a task under its published name, `<noun>.<verb>`. Published names are never changed."""

    def declare(work: Callable[P, None]) -> Callable[P, None]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with bound_contextvars(task=name):
                note_presence()
                try:
                    work(*args, **kwargs)
                except Exception as error:
                    log.error("task failed", exc_info=error)

        registered: Any = app.task(name=name)(run)
        return registered  # type: ignore[no-any-return]

    return declare
