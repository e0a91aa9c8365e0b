"""Replays: queue the events of a webhook again, one replay of an organization at a time.

The ledger keeps what was sent. So an event that was sent gets a delivery of its own for each replay, and a delivery
that was not sent is queued again itself.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Select, Text, and_, case, func, literal, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of
from shared.database import current_org
from shared.deliveries.models import Channel, Delivery, DeliveryState, Webhook
from shared.deliveries.planning import COLUMNS, PLANNER, planned
from shared.deliveries.webhooks import get_webhook
from shared.errors import Conflict
from shared.events import Event

LARGEST_REPLAY = 50_000


class ReplayRunning(Conflict):
    """The deliveries of an earlier replay are still queued."""

    slug, title = "replay-running", "Replay running"


class DeliveryQueued(Conflict):
    """The delivery is queued already."""

    slug, title = "delivery-queued", "Delivery queued"


UNSENT = (DeliveryState.SUPPRESSED, DeliveryState.FAILED, DeliveryState.DEAD)
"""The states of a delivery that ended without being sent. It can be queued again itself: there is nothing to keep."""


def replay(db: Session, webhook_id: uuid.UUID, since: int, now: datetime) -> tuple[int, int, bool]:
    """Queue the events from a sequence on again, also those from before the webhook was created.

    Only events of the types that the webhook asks for. What was sent stays sent, and gets a delivery of its own for
    this replay; what was not is queued itself; what is queued already stays as it is. A call examines at most 50,000
    events. Returns how many were queued, the last sequence examined, and True if later events remain. Raises NotFound,
    ReplayRunning.
    """
    db.execute(_LOCK_REPLAYS, {"org": current_org(db)})
    found = get_webhook(db, webhook_id)
    _need_no_other(db, webhook_id, since)
    head = events.head(db)
    up_to = min(head, since + LARGEST_REPLAY - 1)
    number = count_replay(db, webhook_id)
    of_webhook = and_(
        Delivery.org_id == found.org_id, Delivery.channel == Channel.WEBHOOK, Delivery.receiver == str(webhook_id)
    )
    theirs = and_(of_webhook, Delivery.sequence >= since, Delivery.sequence <= up_to)
    wanted = (Event.type == func.any(literal(found.types, ARRAY(Text)))) if found.types else true()
    meant = and_(Event.org_id == found.org_id, Event.sequence >= since, Event.sequence <= up_to, wanted)
    asked = set(db.scalars(select(Event.sequence).where(meant)))
    unsent = update(Delivery).where(theirs, Delivery.state.in_(UNSENT), is_one_of(Delivery.sequence, asked))
    again = unsent.values(anew(now) | {"replay": number}).returning(Delivery.id)
    count = len(db.scalars(again, execution_options={"synchronize_session": False}).all())
    queued = db.scalars(select(Delivery.sequence).where(theirs, Delivery.state == DeliveryState.QUEUED))
    made = insert(Delivery).from_select(
        [*COLUMNS, "replay"], _to_send(db, found, asked.difference(queued), number, now)
    )
    count += len(db.execute(made.on_conflict_do_nothing().returning(Delivery.id)).all())
    return count, max(up_to, since - 1), up_to < head


_LOCK_REPLAYS = text("SELECT pg_advisory_xact_lock(hashtextextended('webhooks.replay ' || :org, 0))")
"""Replays of an organization begin one after the other, so that the second one finds what the first has queued."""


def _need_no_other(db: Session, webhook_id: uuid.UUID, since: int) -> None:
    """Raise ReplayRunning while deliveries of a replay are queued, unless this one goes on behind them."""
    another = or_(Delivery.receiver != str(webhook_id), Delivery.sequence >= since)
    queued = and_(
        Delivery.org_id == current_org(db),
        Delivery.channel == Channel.WEBHOOK,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.replay > 0,
    )
    if db.scalar(select(Delivery.id).where(queued, another).limit(1)) is not None:
        raise ReplayRunning(
            "An earlier replay of your organization is still being sent. Wait until its deliveries are no longer "
            "queued, or remove its webhook; `GET /v1/deliveries?state=queued&channel=webhook` lists them."
        )


def _to_send(
    db: Session, found: Webhook, sequences: Collection[int], number: int, now: datetime
) -> Select[*tuple[Any, ...]]:
    """Selects the deliveries of a replay. Events that the planner has not reached get the delivery that it would make.

    By array, which uses the index whatever PostgreSQL knows of the organization.
    """
    planned_up_to = max(events.position(db, PLANNER), found.after)
    columns = planned(Channel.WEBHOOK, literal(str(found.id), Text), Event.party_id, now)
    which = case((Event.sequence <= planned_up_to, number), else_=0).label("replay")
    rows = select(*columns, which).where(Event.org_id == found.org_id, is_one_of(Event.sequence, sequences))
    return rows.order_by(Event.sequence)


def count_replay(db: Session, webhook_id: uuid.UUID) -> int:
    """Returns the number of the next replay of a webhook: the first one is 1. Locks its row."""
    counted = update(Webhook).where(Webhook.org_id == current_org(db), Webhook.id == webhook_id)
    number = counted.values(replays=Webhook.replays + 1).returning(Webhook.replays)
    return db.scalars(number, execution_options={"synchronize_session": False}).one()


def replay_one(db: Session, delivery: Delivery, now: datetime) -> None:
    """Queue a delivery that was sent once more, as a delivery of its own. Raises DeliveryQueued."""
    number = count_replay(db, uuid.UUID(delivery.receiver))
    same = and_(
        Delivery.org_id == delivery.org_id,
        Delivery.channel == delivery.channel,
        Delivery.receiver == delivery.receiver,
        Delivery.sequence == delivery.sequence,
    )
    if db.scalar(select(Delivery.id).where(same, Delivery.state == DeliveryState.QUEUED).limit(1)) is not None:
        raise DeliveryQueued("This event is queued for the webhook already; nextAttemptAt says when it is attempted.")
    kept = ("org_id", "channel", "receiver", "sequence", "event_type", "party_id", "job_id")
    values = {name: getattr(delivery, name) for name in kept} | {"created_at": now, "replay": number}
    db.execute(insert(Delivery).values(values | {"queued_at": now, "next_attempt_at": now}))


def anew(now: datetime) -> dict[str, Any]:
    """The values that make a delivery as if it had just been planned: attempts and the three days start again."""
    return {
        "state": str(DeliveryState.QUEUED),
        "attempts": 0,
        "queued_at": now,
        "next_attempt_at": now,
        "leased_until": None,
        "settled_at": None,
    }
