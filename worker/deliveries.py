"""The tasks of deliveries: plan them, and send those that are due.

Beat triggers both every second, so a lost wake-up costs a second. They have a queue and a process of their own: a
receiver that hangs must not delay a job.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Semaphore

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import clock, deliveries, deployment, events, statistics
from shared.deliveries import Addressees, Channel
from worker import mail, notices, webhooks
from worker.app import available, parts
from worker.task import task

log = structlog.get_logger()

SENDERS: dict[Channel, Callable[[list[str]], None]] = {Channel.WEBHOOK: webhooks.send, Channel.EMAIL: mail.send}
"""The function that sends over a channel. It takes the ids of the organizations that have deliveries due."""

SENDING = {channel: Semaphore(most) for channel, most in ((Channel.WEBHOOK, 3), (Channel.EMAIL, 2))}
"""Upper bound of concurrent `send` tasks per channel in one process: the ticks of a backlog must not pile up, and one
channel must not occupy every thread. Of the three for webhooks one claims, and the others finish their calls. The two
for mail send the mails of two organizations, so that slow mailboxes of one do not hold up the other's."""

PLANNING_SECONDS = 5.0
"""After this time a task plans no further batch."""


@task("deliveries.plan")
def plan() -> None:
    """Plan the deliveries of new events, a batch of each organization in turn: the backlog of one delays no other.

    Wakes the senders, and another planner if the time was not enough.
    """
    with parts.database.transaction(None) as db:
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
            parts.broker.send("deliveries.send", str(channel))
    if waiting:
        parts.broker.send("deliveries.plan")


@task("deliveries.send")
def send(channel: str) -> None:
    """Send the due deliveries of a channel, unless enough tasks of this process do so already."""
    if not SENDING[Channel(channel)].acquire(blocking=False):
        return
    try:
        with parts.database.transaction(None) as db:
            due = deliveries.organizations_with_due_deliveries(db, Channel(channel), clock.now())
        if due:
            SENDERS[Channel(channel)](due)
    finally:
        SENDING[Channel(channel)].release()


def mailed(db: Session) -> Mapping[str, Addressees]:
    """The event types that are sent by mail, each with its addressees. Empty if the deployment sends no mail.

    The database decides, not a setting of this process: the cursor passes events for all processes.
    """
    return notices.MAILED if deployment.mail_is_on(db) else {}


def _plan_batch(org_id: str) -> int:
    """Plan one organization's next batch. Returns the number of events. After a database error it is due again."""
    try:
        with parts.database.transaction(org_id) as db:
            planned = deliveries.plan(db, clock.now(), mailed=mailed(db)) if available(db) else 0
    except SQLAlchemyError as error:
        log.warning("deliveries not planned", org=org_id, exc_info=error)
        return 0
    statistics.keep(parts.database, org_id, written=planned)
    return planned
