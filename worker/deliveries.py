"""What the workshop does about deliveries: plan them, and send what is due.

Ticks do both, so that a lost wake-up costs a second. All of it has a queue and a process of its own: a receiver that
hangs must not hold a job up.
"""

from collections.abc import Callable, Mapping
from threading import Semaphore

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared import access, clock, deliveries, events
from shared.deliveries import Addressees, Channel
from worker import mail, notices, webhooks
from worker.app import config, workshop
from worker.task import task

log = structlog.get_logger()

SENDERS: dict[Channel, Callable[[list[str]], None]] = {Channel.WEBHOOK: webhooks.send, Channel.EMAIL: mail.send}
"""Who talks to the receivers of a channel. Given the organizations that have something to tell over it."""

SENDING = {channel: Semaphore(most) for channel, most in ((Channel.WEBHOOK, 3), (Channel.EMAIL, 1))}
"""How many may be at it in one process: the ticks of a backlog must not pile up, nor one channel take every thread.
Of webhooks one claims, and those before it end their calls."""


@task("deliveries.plan")
def plan() -> None:
    """Plan the deliveries of every event that has none yet, and wake whoever sends them."""
    with workshop.database.transaction(None) as db:
        unread = events.organizations_with_unread_events(db, deliveries.PLANNER)
    planned = sum(_plan(org_id) for org_id in unread)
    if planned:
        for channel in SENDERS:
            workshop.broker.send("deliveries.send", str(channel))


@task("deliveries.send")
def send(channel: str) -> None:
    """Send what is due over a channel. Organizations that cannot use training now are passed over: nothing is lost."""
    if not SENDING[Channel(channel)].acquire(blocking=False):
        return
    try:
        with workshop.database.transaction(None) as db:
            due = deliveries.organizations_with_due_deliveries(db, Channel(channel), clock.now())
        served = [org_id for org_id in due if available(org_id)]
        if served:
            SENDERS[Channel(channel)](served)
    finally:
        SENDING[Channel(channel)].release()


def available(org_id: str) -> bool:
    """Whether this organization's notifications go out now, or pause."""
    with workshop.database.transaction(org_id) as db:
        return access.unavailability(access.organization(db), config.features) is None


def mailed() -> Mapping[str, Addressees]:
    """What is told by mail, and to whom: nothing where there is no mail server."""
    return notices.MAILED if config.smtp_url else {}


def _plan(org_id: str) -> int:
    """Plan one organization's. Answers how many events. What the database refuses now is due again in a second."""
    planned = 0
    try:
        if available(org_id):
            while planned % deliveries.LARGEST_PLAN == 0:
                with workshop.database.transaction(org_id) as db:
                    taken = deliveries.plan(db, clock.now(), mailed=mailed())
                if taken == 0:
                    break
                planned += taken
    except SQLAlchemyError as error:
        log.warning("deliveries not planned", org=org_id, exc_info=error)
    return planned
