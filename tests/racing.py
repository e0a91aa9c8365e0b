"""Two concurrent transactions, in an order that the test decides and not the scheduler."""

import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import Org

Result = TypeVar("Result")


@contextmanager
def blocked(org: Org, act: Callable[[Session], Result]) -> Iterator[Future[Result]]:
    """Run `act` in a transaction of another thread. The block begins once that transaction waits for a lock."""
    started: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run() -> Result:
        with org.transaction() as db:
            started.put(db.scalar(text("SELECT pg_backend_pid()")) or 0)
            return act(db)

    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(run)
        _wait_until_blocked(org, started.get(timeout=30), doing)
        yield doing


def _wait_until_blocked(org: Org, pid: int, doing: Future[Result]) -> None:
    deadline = time.monotonic() + 30
    waiting = text("SELECT count(*) FROM pg_locks WHERE pid = :pid AND NOT granted")
    with org.transaction() as db:
        while not db.scalar(waiting, {"pid": pid}):
            assert not doing.done(), f"`act` ended without waiting for a lock: {doing.exception() or doing.result()}"
            assert time.monotonic() < deadline, "after 30 seconds, `act` neither waited for a lock nor had ended"
