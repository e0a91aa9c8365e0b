"""A worker and another transaction at once, in an order that the test decides."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.drain import InProcessWorker
from tests.factories import Org

WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")


@contextmanager
def blocked_worker(org: Org, worker: InProcessWorker, holder: Session) -> Iterator[Future[None]]:
    """Works on the next chunk of an organization in another thread.

    holder: a transaction that has locks. The block begins when the worker waits for one of them.
    """
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(worker.deliver, "jobs.run", org.id)
        deadline = time.monotonic() + 30
        while not holder.scalar(WAITERS):
            assert not working.done(), f"the worker did not wait for a lock: {working.exception()}"
            assert time.monotonic() < deadline, "the worker neither waited for a lock nor ended"
        yield working
