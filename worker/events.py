"""What the workshop does about events once they are recorded: copy them to the Redis Stream, and seal them."""

import random
import time

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from shared import clock, events
from worker.app import workshop
from worker.task import task

log = structlog.get_logger()

TURN_SECONDS = 5.0
"""A worker's time for the stream before others get theirs."""


@task("events.publish")
def publish() -> None:
    """Append a batch for every organization with unread events, and wake a relay for those with more.

    In a random order, because a turn may end before the last of them.
    """
    with workshop.database.transaction(None) as db:
        due = events.organizations_with_unread_events(db, events.STREAM_RELAY)
    random.shuffle(due)
    until = time.monotonic() + TURN_SECONDS
    for org_id in due:
        if workshop.stream.resting or time.monotonic() > until:
            return
        if _append_batch(org_id):
            workshop.broker.send("events.relay", org_id)


@task("events.relay")
def relay(org_id: str) -> None:
    """Append what an organization's stream lacks, and pass the wake-up on where a turn is not enough."""
    until = time.monotonic() + TURN_SECONDS
    while _append_batch(org_id):
        if time.monotonic() > until:
            workshop.broker.send("events.relay", org_id)
            return


def _append_batch(org_id: str) -> bool:
    """Append one batch, and note it. Answers whether there may be more and it is ours to go on.

    No transaction is open while Redis is talked to. Whoever dies before the note leaves a batch that is read again and
    not appended again; of two at once one notes it, and goes on. What fails is due again at the next tick.
    """
    if workshop.stream.resting:
        return False
    try:
        with workshop.database.transaction(org_id) as db:
            batch = events.unread(db)
        if not batch.events:
            return False
        workshop.stream.append(org_id, batch.events, since=batch.since)
        with workshop.database.transaction(org_id) as db:
            return events.advance(db, events.STREAM_RELAY, since=batch.since, to=batch.up_to) and batch.full
    except (RedisError, SQLAlchemyError) as error:
        log.warning("events not appended", org=org_id, error=type(error).__name__)
        return False


@task("events.seal")
def seal() -> None:
    """Seal a block of events for every organization that has unsealed ones, and pass the wake-up on where there are
    more: the backlog of one keeps neither another nor the jobs waiting."""
    with workshop.database.transaction(None) as db:
        due = events.organizations_with_unsealed_events(db)
    if [org_id for org_id in due if _seal_block(org_id)]:
        workshop.broker.send("events.seal")


def _seal_block(org_id: str) -> bool:
    """Seal one block. Answers whether there may be more. What the database refuses now is due again in a minute."""
    try:
        with workshop.database.transaction(org_id) as db:
            return events.seal(db, clock.now()) == events.LARGEST_BLOCK
    except SQLAlchemyError as error:
        log.warning("events not sealed", org=org_id, exc_info=error)
        return False
