"""What the workshop does about deliveries: plan them, and send what is due.

Ticks do both, so that a lost wake-up costs a second. All of it has a queue and a process of its own: a receiver that
hangs must not hold a job up.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Semaphore

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared import clock, deliveries, events
from shared.deliveries import Addressees, Channel
from worker import mail, notices, webhooks
from worker.app import available, config, workshop
from worker.task import task

log = structlog.get_logger()

SENDERS: dict[Channel, Callable[[list[str]], None]] = {Channel.WEBHOOK: webhooks.send, Channel.EMAIL: mail.send}
"""Who talks to the receivers of a channel. Given the organizations that have something to tell over it."""

SENDING = {channel: Semaphore(most) for channel, most in ((Channel.WEBHOOK, 3), (Channel.EMAIL, 1))}
"""How many may be at it in one process: the ticks of a backlog must not pile up, nor one channel take every thread.
Of webhooks one claims, and those before it end their calls."""


PLANNING_SECONDS = 5.0
"""How long one task goes on planning."""


@task("deliveries.plan")
def plan() -> None:
    """Plan the deliveries of events that have none yet, a batch of each organization in turn: the backlog of one keeps
    no other waiting. Wake whoever sends them, and whoever goes on where a turn is not enough."""
    with workshop.database.transaction(None) as db:
        unread = events.organizations_with_unread_events(db, deliveries.PLANNER)
    random.shuffle(unread)
    until, waiting, planned = time.monotonic() + PLANNING_SECONDS, deque(unread), 0
    while waiting and time.monotonic() < until:
        taken = _plan_batch(waiting[0])
        if taken == deliveries.LARGEST_PLAN:
            waiting.append(waiting[0])
        waiting.popleft()
        planned += taken
    if planned:
        for channel in SENDERS:
            workshop.broker.send("deliveries.send", str(channel))
    if waiting:
        workshop.broker.send("deliveries.plan")


@task("deliveries.send")
def send(channel: str) -> None:
    """Send what is due over a channel."""
    if not SENDING[Channel(channel)].acquire(blocking=False):
        return
    try:
        with workshop.database.transaction(None) as db:
            due = deliveries.organizations_with_due_deliveries(db, Channel(channel), clock.now())
        if due:
            SENDERS[Channel(channel)](due)
    finally:
        SENDING[Channel(channel)].release()


def mailed() -> Mapping[str, Addressees]:
    """What is told by mail, and to whom: nothing where there is no mail server."""
    return notices.MAILED if config.smtp_url else {}


def _plan_batch(org_id: str) -> int:
    """Plan one organization's next. Answers how many events. What the database refuses now is due again in a second."""
    try:
        with workshop.database.transaction(org_id) as db:
            return deliveries.plan(db, clock.now(), mailed=mailed()) if available(db) else 0
    except SQLAlchemyError as error:
        log.warning("deliveries not planned", org=org_id, exc_info=error)
        return 0
