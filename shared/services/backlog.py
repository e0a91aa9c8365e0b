"""The work that waits in all organizations together: for `rollcall doctor`, readiness and metrics.

Numbers and instants only, nothing of an organization. Each figure is one statement over partial indexes, and counts
end at LARGEST_COUNT, so that looking costs little while much waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from shared import deliveries, deployment, jobs, licences
from shared.deliveries import Channel, Waiting
from shared.settings import TRAINING

LARGEST_COUNT = 100_000

LATE = timedelta(minutes=2)
"""Senders look for due deliveries, and workers for due jobs, every few seconds. What has waited longer is stuck."""


@dataclass(frozen=True)
class Backlog:
    """The work that waits.

    jobs_since: the instant of the last progress of the job that has waited longest; None if none waits.
    swept_at: when the organization that was swept least recently was swept; None without training.
    """

    mail_is_on: bool
    can_send_mail: bool
    deliveries: Mapping[Channel, Waiting]
    jobs_since: datetime | None
    swept_at: datetime | None

    def stuck_mails(self, now: datetime) -> Waiting | None:
        """The waiting mails, if some are late through no fault of their recipients."""
        mails = self.deliveries[Channel.EMAIL]
        return mails if mails.undelivered_since and mails.undelivered_since < now - LATE else None


def look(db: Session, features: frozenset[str], now: datetime) -> Backlog:
    """Return what waits now. Call it in a transaction without an organization."""
    return Backlog(
        mail_is_on=deployment.mail_is_on(db),
        can_send_mail=deployment.can_send_mail(db, now),
        deliveries={channel: deliveries.waiting(db, channel, now, LARGEST_COUNT) for channel in Channel},
        jobs_since=jobs.oldest_waiting(db),
        swept_at=licences.oldest_sweep(db) if TRAINING in features else None,
    )
