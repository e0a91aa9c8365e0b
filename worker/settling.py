"""Settles the mails of several connections together: a thread of its own saves all results that have arrived.

So one transaction settles several mails, and more of them the slower the database is.
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
"""How long the first result waits for others: a transaction costs as much as three mails, however few it settles."""

Result = tuple[Mapping[Claimed, Settled], Future[None]]


class Results:
    """The results of one organization's deliveries that are not saved yet."""

    def __init__(self, database: Database, org_id: str) -> None:
        self._database, self._org_id = database, org_id
        self._waiting: SimpleQueue[Result | None] = SimpleQueue()

    def settle(self, results: Mapping[Claimed, Settled]) -> Future[None]:
        """Queue results for saving. The future is done when they are saved, and raises the error if that fails."""
        saved: Future[None] = Future()
        self._waiting.put((results, saved))
        return saved

    def _save(self) -> None:
        """Save results until the end is announced."""
        while taken := list(self._take()):
            merged = {one: settled for results, _ in taken for one, settled in results.items()}
            try:
                deliveries.settle_soon(self._database, self._org_id, merged, clock.now())
            except BaseException as error:  # every waiting thread must see it
                for _, saved in taken:
                    saved.set_exception(error)
            else:
                for _, saved in taken:
                    saved.set_result(None)

    def _take(self) -> Iterator[Result]:
        """The results that arrive until a moment after the first. Nothing at the end, which is announced by None."""
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
    """Save results for the duration of the block, and the rest at its end."""
    results = Results(database, org_id)
    writer = Thread(target=results._save, name="settling")
    writer.start()
    try:
        yield results
    finally:
        results._waiting.put(None)
        writer.join()
