"""Waiting for a result that is seen in the database.

Polls ever more rarely, so that polling costs little: a result is seen at most 3 ms, or a hundredth of the time, late.
The API's `?wait=` looks only five times a second, which is twice what 2,000 parties take.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from bench.ground import Connection

LONGEST_SECONDS = 300.0
FINAL = ("succeeded", "partially_succeeded", "failed", "cancelled")


def until(
    look: Callable[[], bool],
    begin: float,
    *,
    longest: float = LONGEST_SECONDS,
    meanwhile: Callable[[], None] = lambda: None,
) -> float:
    """Wait until `look` returns True. Returns the seconds since `begin`, an instant of `time.perf_counter`.

    longest: seconds after which it raises RuntimeError. meanwhile: called after each look that returned False.
    """
    while (elapsed := time.perf_counter() - begin) < longest:
        if look():
            return time.perf_counter() - begin
        meanwhile()
        time.sleep(max(0.003, elapsed / 100))
    raise RuntimeError(f"it took longer than {longest:.0f} s")


def yes(connection: Connection, question: str, key: tuple[Any, ...]) -> Callable[[], bool]:
    """Returns a look at a statement that selects one boolean."""

    def look() -> bool:
        row = connection.execute(question, key).fetchone()
        return row is not None and bool(row[0])

    return look


def rest(connection: Connection, org_id: str) -> None:
    """Wait until the stream and the planner have consumed all events of the organization."""
    consumed = """SELECT coalesce(min(consumer.last_sequence) >= max(stream.last_sequence), true)
        FROM event_consumer AS consumer JOIN event_stream AS stream USING (org_id) WHERE org_id = %s"""
    until(yes(connection, consumed, (org_id,)), time.perf_counter())


def succeeded(connection: Connection, org_id: str, job_id: uuid.UUID) -> Callable[[], bool]:
    """Returns a look at the state of a job. It raises RuntimeError if the job ended in any other state."""

    def look() -> bool:
        key = (org_id, job_id)
        row = connection.execute("SELECT state FROM job WHERE org_id = %s AND id = %s", key).fetchone()
        if row is not None and row[0] != "succeeded" and row[0] in FINAL:
            raise RuntimeError(f"the job ended {row[0]}")
        return row is not None and row[0] == "succeeded"

    return look
