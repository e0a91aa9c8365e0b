"""The decorator for tasks: a task has a fixed name and takes ids. Its errors are logged without values, never retried.

Celery's retries are not used: work that was not done is still due in PostgreSQL, and is found there. A worker whose
clock differs from the database's does nothing: other workers find the work.
"""

import time
from collections.abc import Callable
from functools import wraps
from threading import get_ident
from typing import Any, ParamSpec

import structlog
from structlog.contextvars import bound_contextvars

from shared.clock import ClockDiffers
from worker.app import app, note_presence, parts

P = ParamSpec("P")
log = structlog.get_logger()


last_run: dict[str, float] = {}
"""When this process last began a task of this name, on the monotonic clock: `looking` stands in for missing ticks."""

active: set[int] = set()
"""The threads of this process that run a task now."""


def task(name: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Register a task under its published name, `<noun>.<verb>`. Published names are never changed."""

    def declare(work: Callable[P, None]) -> Callable[P, None]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            last_run[name] = time.monotonic()
            active.add(get_ident())
            with bound_contextvars(task=name):
                note_presence()
                try:
                    parts.timekeeper.check()
                    work(*args, **kwargs)
                except ClockDiffers as error:
                    log.error("clock differs", reason=str(error))
                except Exception as error:
                    log.error("task failed", exc_info=error)
                finally:
                    active.discard(get_ident())

        registered: Any = app.task(name=name)(run)
        return registered  # type: ignore[no-any-return]

    return declare
