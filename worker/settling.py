"""Settling what several connections have handed in: each waits for its own, and whoever writes writes for all.

So a mail is settled before its connection takes the next, and yet a transaction settles several.
"""

import time
from collections.abc import Mapping
from threading import Lock

from shared import clock, deliveries
from shared.database import Database
from shared.deliveries import Claimed, Settled

GATHERING_SECONDS = 0.004
"""How long whoever writes waits for others: a round trip's worth. For one mail alone it is nothing."""


class Results:
    """The results of one organization's deliveries on their way into the table."""

    def __init__(self, database: Database, org_id: str) -> None:
        self._database, self._org_id = database, org_id
        self._waiting: list[_Result] = []
        self._writing = Lock()

    def settle(self, results: Mapping[Claimed, Settled]) -> None:
        """Write these down. Comes back when they are."""
        own = _Result(results)
        self._waiting.append(own)
        with self._writing:
            if own.written:
                return
            time.sleep(GATHERING_SECONDS)
            taken, self._waiting = self._waiting, []
            try:
                merged = {one: settled for result in taken for one, settled in result.results.items()}
                deliveries.settle_soon(self._database, self._org_id, merged, clock.now())
            except BaseException:
                self._waiting = [result for result in taken if result is not own] + self._waiting
                raise  # the others try for themselves
            for result in taken:
                result.written = True


class _Result:
    def __init__(self, results: Mapping[Claimed, Settled]) -> None:
        self.results, self.written = results, False
