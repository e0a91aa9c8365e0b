"""A thread of each worker process that looks for due work itself, so that work goes on without Redis and without beat.

Every `job_rescue_seconds` it does a chunk, if one is due and no message has woken a worker for it. It also stands in
for beat: a periodic task that this process has not seen for three times its interval is done here. What such a task
would wake by messages, the thread does itself if Redis cannot be reached.
"""

import random
import time
from collections import deque
from collections.abc import Collection
from threading import Event, Thread
from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown

from shared.broker import keeping_unsent
from worker.app import QUEUE, app, config
from worker.schedule import SCHEDULE
from worker.task import active, last_run

MISSED_TICKS = 3
"""After so many missed ticks a periodic task is done here. A worker with n processes gets each n-th tick on average."""

LEAST_SECONDS = 5.0
LONGEST_LOOK_SECONDS = 20.0
"""After this time a look ends; the next one finds what is left."""


class Looker:
    """Looks for due work of these queues in a thread of its own until it is stopped."""

    def __init__(self, queues: Collection[str], processes: int) -> None:
        self._does_jobs = QUEUE in queues
        self._ticks = [_Tick(entry, processes) for entry in SCHEDULE.values() if _queue_of(entry["task"]) in queues]
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="looking", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Look no more. Waits so long for the work that was begun."""
        self._stopped.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopped.wait(config.job_rescue_seconds * random.uniform(0.7, 1.0)):  # noqa: S311 - spreads processes
            self.look()

    def look(self) -> None:
        """Do the work that is due and that nobody was woken for."""
        until = time.monotonic() + LONGEST_LOOK_SECONDS
        with keeping_unsent() as unsent:
            if self._does_jobs and not active:  # a process that works passes wake-ups on
                _carry_out("jobs.run_chunk", ("",))
            for tick in self._ticks:
                if tick.missed():
                    _carry_out(tick.task, tick.args)
            while unsent and time.monotonic() < until and not self._stopped.is_set():
                _carry_out(*_taken(unsent))


class _Tick:
    """A periodic task, and when this process last did it."""

    def __init__(self, entry: dict[str, Any], processes: int) -> None:
        self.task, self.args = entry["task"], tuple(entry.get("args", ()))
        self._pause = max(LEAST_SECONDS, MISSED_TICKS * entry["schedule"]) * processes
        self._last = time.monotonic() - random.uniform(0, self._pause / 2)  # noqa: S311 - spreads processes

    def missed(self) -> bool:
        """True if the task is to be done here now."""
        now = time.monotonic()
        if now - max(self._last, last_run.get(self.task, 0.0)) < self._pause:
            return False
        self._last = now
        return True


def _taken(unsent: deque[tuple[str, tuple[Any, ...]]]) -> tuple[str, tuple[Any, ...]]:
    """Take the first wake-up, and drop those that are like it."""
    first = unsent.popleft()
    while first in unsent:
        unsent.remove(first)
    return first


def _queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


def _carry_out(task: str, args: tuple[Any, ...]) -> None:
    app.tasks[task].run(*args)


_own: list[Looker] = []


@worker_process_init.connect
def _start(**_: Any) -> None:
    """In each forked child. A sender, which is one process, starts its own (`cli/serving.py`)."""
    _own.append(Looker(app.amqp.queues.consume_from, config.worker_concurrency))
    _own[0].start()


@worker_process_shutdown.connect
def _stop(**_: Any) -> None:
    for looker in _own:
        looker.stop()
