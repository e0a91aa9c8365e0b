"""The tasks of recorded events: copy them to the Redis Stream, and seal them."""

import random
import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import clock, events
from worker.app import parts
from worker.task import task

log = structlog.get_logger()

TURN_SECONDS = 5.0
"""After this time a task appends no further batch, so that other tasks get the worker."""


@task("events.publish")
def publish() -> None:
    """Append a batch for every organization with unread events, and wake a relay for those that have more.

    In random order, because the time may end before the last organization.
    """
    with parts.database.transaction(None) as db:
        due = events.organizations_with_unread_events(db, events.STREAM_RELAY)
    random.shuffle(due)
    until = time.monotonic() + TURN_SECONDS
    for org_id in due:
        if parts.stream.resting or time.monotonic() > until:
            return
        if _append_batch(org_id):
            parts.broker.send("events.relay", org_id)


@task("events.relay")
def relay(org_id: str) -> None:
    """Append the missing events of one organization. Sends another wake-up if the time was not enough."""
    until = time.monotonic() + TURN_SECONDS
    while _append_batch(org_id):
        if time.monotonic() > until:
            parts.broker.send("events.relay", org_id)
            return


def _append_batch(org_id: str) -> bool:
    """Append one batch and save the cursor. Returns True if there may be more and this relay should go on.

    No transaction is open while Redis is called. If a relay crashes before it saves the cursor, the batch is read again
    but not appended again. Of two concurrent relays one saves the cursor and goes on. After an error the next tick
    repeats it.
    """
    if parts.stream.resting:
        return False
    try:
        with parts.database.transaction(org_id) as db:
            batch = events.unread(db)
        if not batch.events:
            return False
        parts.stream.append(org_id, batch.events, since=batch.since)
        with parts.database.transaction(org_id) as db:
            return events.advance(db, events.STREAM_RELAY, since=batch.since, to=batch.up_to) and batch.full
    except (RedisError, SQLAlchemyError) as error:
        log.warning("events not appended", org=org_id, error=type(error).__name__)
        return False


@task("events.seal")
def seal() -> None:
    """Seal a block of events for every organization that has unsealed ones, and send another wake-up if there are more.

    One block at a time, so that the backlog of one organization delays neither another organization nor a job. Then
    lets trees grow over blocks that a former release sealed, as much at a time.
    """
    with parts.database.transaction(None) as db:
        due = events.organizations_with_unsealed_events(db)
    more = [
        org_id for org_id in due if _tended(org_id, lambda db: events.seal(db, clock.now()) == events.LARGEST_BLOCK)
    ]
    with parts.database.transaction(None) as db:
        behind = events.organizations_with_trees_behind(db)
    more += [org_id for org_id in behind if _tended(org_id, lambda db: events.grow(db) > 0)]
    if more:
        parts.broker.send("events.seal")


def _tended(org_id: str, act: Callable[[Session], bool]) -> bool:
    """Act in a transaction of the organization. Returns what it returns; after a database error False.

    The next tick repeats it.
    """
    try:
        with parts.database.transaction(org_id) as db:
            return act(db)
    except SQLAlchemyError as error:
        log.warning("events not sealed", org=org_id, exc_info=error)
        return False
