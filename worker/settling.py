"""Settling what several connections have handed in: a thread of its own writes whatever has come in meanwhile.

So a transaction settles several, the more the slower the database is.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

from shared import clock, deliveries
from shared.database import Database
from shared.deliveries import Claimed, Settled

GATHERING_SECONDS = 0.003
"""How long the first waits for others: a transaction costs as much as three mails, however few it settles."""

Result = tuple[Mapping[Claimed, Settled], Future[None]]


class Results:
    """The results of one organization's deliveries on their way into the table."""

    def __init__(self, database: Database, org_id: str) -> None:
        self._database, self._org_id = database, org_id
        self._waiting: SimpleQueue[Result | None] = SimpleQueue()

    def settle(self, results: Mapping[Claimed, Settled]) -> Future[None]:
        """Have these written down. Done when they are; it raises what the database has against it."""
        written: Future[None] = Future()
        self._waiting.put((results, written))
        return written

    def _write(self) -> None:
        """Write until the end is announced."""
        while taken := list(self._take()):
            merged = {one: settled for results, _ in taken for one, settled in results.items()}
            try:
                deliveries.settle_soon(self._database, self._org_id, merged, clock.now())
            except BaseException as error:  # whoever waits must hear of it
                for _, written in taken:
                    written.set_exception(error)
            else:
                for _, written in taken:
                    written.set_result(None)

    def _take(self) -> Iterator[Result]:
        """What is waiting a moment after the first has come; nothing at the end, which comes last and stays."""
        result = self._waiting.get()
        if result is not None:
            time.sleep(GATHERING_SECONDS)
        while result is not None:
            yield result
            if self._waiting.empty():
                return
            result = self._waiting.get()
        self._waiting.put(None)


@contextmanager
def settled_together(database: Database, org_id: str) -> Iterator[Results]:
    """Settle for as long as the block lasts, and what is left at its end."""
    results = Results(database, org_id)
    writer = Thread(target=results._write, name="settling")
    writer.start()
    try:
        yield results
    finally:
        results._waiting.put(None)
        writer.join()
