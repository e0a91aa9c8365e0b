"""The ledger of deliveries: lists and counts them by state, and queues failed ones again."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select, true, update
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import current_org
from shared.deliveries.models import Channel, Delivery, DeliveryState
from shared.deliveries.replaying import DeliveryQueued, anew, replay_one
from shared.deliveries.schemas import Summary
from shared.errors import Conflict, NotFound
from shared.events import Event


class DeliverySent(Conflict):
    """The mail was sent. A person never gets two mails about one event."""

    slug, title = "delivery-sent", "Delivery sent"


@dataclass(frozen=True)
class Waiting:
    """The queued deliveries of a channel in all organizations. oldest_due_at: of those that no sender holds.

    undelivered: those that no sender has begun in time, or that the server or the receiver could not take.
    undelivered_since: since when the oldest of these has been queued.
    """

    waiting: int
    oldest_due_at: datetime | None
    undelivered: int
    undelivered_since: datetime | None


def waiting(db: Session, channel: Channel, now: datetime, most: int) -> Waiting:
    """Returns what waits, counted up to `most`. Works in a transaction of no organization."""
    found = func.waiting_deliveries(str(channel), now, most).table_valued(
        "waiting", "oldest_due_at", "undelivered", "undelivered_since"
    )
    return Waiting(*db.execute(select(found)).one())


@dataclass(frozen=True)
class Which:
    """A filter for deliveries; all given fields must match. within: the deliveries that the caller may see."""

    job_id: uuid.UUID | None = None
    party_id: str | None = None
    state: DeliveryState | None = None
    channel: Channel | None = None
    webhook_id: uuid.UUID | None = None
    within: ColumnElement[bool] = field(default_factory=true)

    def condition(self, db: Session) -> ColumnElement[bool]:
        """The filter as a condition on `Delivery`."""
        wanted = (
            (Delivery.job_id, self.job_id),
            (Delivery.party_id, self.party_id),
            (Delivery.state, self.state),
            (Delivery.channel, self.channel),
        )
        conditions = [Delivery.org_id == current_org(db), self.within]
        conditions += [column == value for column, value in wanted if value is not None]
        if self.webhook_id is not None:
            conditions += [Delivery.channel == Channel.WEBHOOK, Delivery.receiver == str(self.webhook_id)]
        return and_(*conditions)


def list_deliveries(db: Session, which: Which) -> Select[Delivery, uuid.UUID]:
    """The deliveries that match, each with its event's id, newest first."""
    event_id = select(Event.id).where(Event.org_id == Delivery.org_id, Event.sequence == Delivery.sequence)
    rows = select(Delivery, event_id.scalar_subquery().label("event_id"))
    return rows.where(which.condition(db)).order_by(Delivery.id.desc())


def summarize(db: Session, which: Which) -> Summary:
    """The number of deliveries in each state."""
    counted = select(Delivery.state, func.count().label("number")).where(which.condition(db)).group_by(Delivery.state)
    found = {row.state: row.number for row in db.execute(counted)}
    return Summary(total=sum(found.values()), **{str(state): found.get(state, 0) for state in DeliveryState})


def resend(db: Session, which: Which, now: datetime) -> int:
    """Queue all deliveries that match again, as if they had just been planned. Returns how many."""
    found = select(Delivery.id).where(which.condition(db)).order_by(Delivery.id).with_for_update()
    ids = list(db.scalars(found))  # locked by id: two that resend the same deliveries take turns
    if ids:
        queued = update(Delivery).where(Delivery.org_id == current_org(db), is_one_of(Delivery.id, ids))
        db.execute(queued.values(anew(now)).execution_options(synchronize_session=False))
    return len(ids)


def redeliver(db: Session, delivery_id: uuid.UUID, within: ColumnElement[bool], now: datetime) -> None:
    """Queue one delivery again, or, if it was sent, its event as a new one. Raises NotFound, DeliveryQueued, and for a
    mail DeliverySent.
    """
    one = and_(Which(within=within).condition(db), Delivery.id == delivery_id)
    found = db.scalar(select(Delivery).where(one).with_for_update())
    if found is None:
        raise NotFound("delivery")
    if found.state == DeliveryState.QUEUED:
        raise DeliveryQueued("The delivery is queued already; nextAttemptAt says when it is attempted.")
    if found.state == DeliveryState.SENT and found.channel == Channel.EMAIL:
        raise DeliverySent("This mail was sent already; a party gets only one mail about an event.")
    if found.state == DeliveryState.SENT:
        replay_one(db, found, now)
        return
    db.execute(update(Delivery).where(one).values(anew(now)).execution_options(synchronize_session=False))
