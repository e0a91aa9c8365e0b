"""Calls of webhooks: claims deliveries receiver by receiver, so that the backlog of one receiver delays no other, and
settles them together with the state of their receivers.

The breaker: a receiver that fails five times in a row, or asks for a pause, is broken. Nothing is sent before
`broken_until`; then one single message, the probe, finds out if the receiver works again. Its deliveries wait
meanwhile; after three days they are dead.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from shared import events
from shared.arrays import is_one_of
from shared.database import Database, current_org
from shared.deliveries.calling import Message, Reply
from shared.deliveries.codes import DeliveryCode
from shared.deliveries.models import Channel, Delivery, DeliveryState, Webhook
from shared.deliveries.webhooks import disable
from shared.deliveries.work import TRIED_FOR, Claimed, Settled, due, lease, retry_later, settle_all, settling
from shared.events import Actor, Event

BREAKS_AFTER = 5
FIRST_BREAK = timedelta(seconds=30)
LONGEST_BREAK = timedelta(minutes=30)
SYSTEM = Actor("system", "deliveries")


@dataclass(frozen=True)
class Call:
    """A claimed delivery and its message. probes: it is the single message that probes a broken receiver."""

    claimed: Claimed
    message: Message
    probes: bool


def claim_calls(
    db: Session, now: datetime, each: int, lease_seconds: float, *, passing_over: Collection[str] = ()
) -> list[Call]:
    """Claim deliveries by sequence: up to `each` of every webhook that works, and one of each that is to be probed.

    passing_over: receivers that have enough claimed already.
    """
    probed = _probe(db, now, lease_seconds)
    waiting = (
        select(Delivery.id)
        .where(due(db, Channel.WEBHOOK, now), Delivery.receiver == cast(Webhook.id, Text))
        .order_by(Delivery.sequence)
        .limit(case((Webhook.id.in_(probed), 1), else_=each) if probed else each)
        .with_for_update(skip_locked=True)
        .lateral()
    )
    served = [_in_order(db), cast(Webhook.id, Text).not_in(passing_over)]
    served.append(
        or_(Webhook.broken_until.is_(None), Webhook.id.in_(probed)) if probed else Webhook.broken_until.is_(None)
    )
    ids = list(db.scalars(select(waiting.c.id).select_from(Webhook).join(waiting, true()).where(*served)))
    claimed = lease(db, ids, now, lease_seconds)
    messages = zip(claimed, _messages(db, claimed, now), strict=True)
    probes = {str(webhook_id) for webhook_id in probed}
    return [Call(one, message, one.receiver in probes) for one, message in messages]


def settle_delivered(database: Database, org_id: str, replies: Sequence[tuple[Call, Reply]], now: datetime) -> None:
    """Settle calls that were all delivered, in a transaction of their own like `settle_soon`."""
    results = {call.claimed: _settled(call.claimed, reply, now) for call, reply in replies}
    database.note(org_id, _clear_failures(org_id, replies), settling(org_id, results, now))


def settle_calls(db: Session, replies: Sequence[tuple[Call, Reply]], now: datetime) -> set[str]:
    """Settle calls, and count the failures of their receivers. Returns the receivers that are broken now."""
    broken = set()
    by_receiver: dict[str, list[tuple[Call, Reply]]] = {}
    for call, reply in replies:
        by_receiver.setdefault(call.claimed.receiver, []).append((call, reply))
    _lock_receivers(db, by_receiver)
    for receiver, its_replies in sorted(by_receiver.items()):
        failures = its_replies
        if any(reply.code is DeliveryCode.DELIVERED for _, reply in its_replies):
            db.connection().exec_driver_sql(*_clear_failures(current_org(db), its_replies))
            failures = [(call, reply) for call, reply in its_replies if reply.retry_after]
        if failures and _failed(db, uuid.UUID(receiver), failures, now):
            broken.add(receiver)
    settle_all(db, {call.claimed: _settled(call.claimed, reply, now) for call, reply in replies}, now)
    for receiver, its_replies in sorted(by_receiver.items()):
        if any(reply.code is DeliveryCode.GONE for _, reply in its_replies):
            disable(db, uuid.UUID(receiver), DeliveryCode.GONE.detail, SYSTEM, now)
    return broken


def _lock_receivers(db: Session, receivers: Collection[str]) -> None:
    """Lock all of these webhooks, by id. Disabling one records an event, and no other may be waited for after that."""
    theirs = select(Webhook.id).where(Webhook.org_id == current_org(db), is_one_of(Webhook.id, set(receivers)))
    db.execute(theirs.order_by(Webhook.id).with_for_update())


def suppress_unwanted(db: Session, now: datetime) -> None:
    """Suppress the deliveries of webhooks that are disabled or removed. They can be replayed later.

    These webhooks are queried first: if there are none, the backlog is not searched.
    """
    unwanted = or_(Webhook.removed_at.is_not(None), Webhook.disabled_at.is_not(None))
    asked = select(Webhook.id, Webhook.removed_at).where(Webhook.org_id == current_org(db), unwanted)
    removed = {str(row.id): row.removed_at is not None for row in db.execute(asked)}
    for code, ids in (
        (DeliveryCode.WEBHOOK_REMOVED, [one for one, is_removed in removed.items() if is_removed]),
        (DeliveryCode.WEBHOOK_DISABLED, [one for one, is_removed in removed.items() if not is_removed]),
    ):
        if ids:
            theirs = is_one_of(Delivery.receiver, ids)
            db.execute(
                update(Delivery)
                .where(due(db, Channel.WEBHOOK, now), theirs)
                .values(state=str(DeliveryState.SUPPRESSED), code=str(code), settled_at=now)
                .execution_options(synchronize_session=False)
            )


def _in_order(db: Session) -> ColumnElement[bool]:
    return and_(Webhook.org_id == current_org(db), Webhook.removed_at.is_(None), Webhook.disabled_at.is_(None))


def _probe(db: Session, now: datetime, lease_seconds: float) -> list[uuid.UUID]:
    """The broken receivers whose pause is over. Moves `broken_until` by the length of a lease, so that no other sender
    probes the same receiver meanwhile."""
    has_work = (
        select(literal(1)).where(due(db, Channel.WEBHOOK, now), Delivery.receiver == cast(Webhook.id, Text)).exists()
    )
    return list(
        db.scalars(
            update(Webhook)
            .where(_in_order(db), Webhook.broken_until <= now, has_work)
            .values(broken_until=now + timedelta(seconds=lease_seconds))
            .returning(Webhook.id)
            .execution_options(synchronize_session=False)
        )
    )


def _messages(db: Session, claimed: list[Claimed], now: datetime) -> list[Message]:
    """The messages of these deliveries, in the same order. Queried by arrays of keys, so that the statements are the
    same for every claim."""
    if not claimed:
        return []
    recorded = events.recorded(db, is_one_of(Event.sequence, [one.sequence for one in claimed]))
    bodies = {event.sequence: (str(event.id), orjson.dumps(events.cloud_event(event))) for event in recorded}
    receivers = select(Webhook).where(
        Webhook.org_id == current_org(db), is_one_of(Webhook.id, {one.receiver for one in claimed})
    )
    webhooks = {str(webhook.id): webhook for webhook in db.scalars(receivers)}
    return [message_to(webhooks[one.receiver], *bodies[one.sequence], now) for one in claimed]


def message_to(webhook: Webhook, message_id: str, body: bytes, now: datetime) -> Message:
    """A message for this webhook, signed with its secret, and with the former one while that is still valid."""
    secrets = [webhook.secret]
    if webhook.former_secret is not None and webhook.former_secret_until and webhook.former_secret_until > now:
        secrets.append(webhook.former_secret)
    return Message(webhook.url, message_id, body, secrets)


def _settled(claimed: Claimed, reply: Reply, now: datetime) -> Settled:
    if reply.code is DeliveryCode.DELIVERED:
        return Settled(DeliveryState.SENT, reply.code, reply.status)
    if reply.code is DeliveryCode.GONE:
        return Settled(DeliveryState.FAILED, reply.code, reply.status)
    return retry_later(claimed, reply.code, now, status=reply.status)


_CLEAR_FAILURES = """
    UPDATE webhook SET failures = 0, broken_until = NULL
    WHERE org_id = %(org)s AND id = ANY (%(accepted)s::uuid[]) AND failures > 0
        AND (broken_until IS NULL OR id = ANY (%(probed)s::uuid[]))"""


def _clear_failures(org_id: str, replies: Iterable[tuple[Call, Reply]]) -> tuple[str, dict[str, Any]]:
    """The statement that clears the failures of receivers that accepted a message, and its parameters.

    A call that was under way when its receiver broke does not close the breaker; only the probe does.
    """
    accepted = {call.claimed.receiver for call, reply in replies if reply.code is DeliveryCode.DELIVERED}
    probed = {call.claimed.receiver for call, _ in replies if call.probes}
    return _CLEAR_FAILURES, {"org": org_id, "accepted": sorted(accepted), "probed": sorted(accepted & probed)}


def _failed(db: Session, webhook_id: uuid.UUID, replies: Sequence[tuple[Call, Reply]], now: datetime) -> bool:
    """Count the failures of a receiver. Returns True if it is broken.

    Each failed probe doubles the pause. Failed calls that were under way when the receiver broke are not counted.
    """
    found = db.get(Webhook, (current_org(db), webhook_id), with_for_update=True, populate_existing=True)
    probed = any(call.probes for call, _ in replies)
    if found is None or (found.broken_until is not None and not probed):
        return found is not None
    pause = max(reply.retry_after for _, reply in replies)
    found.failures = found.failures + 1 if probed else min(found.failures + len(replies), BREAKS_AFTER)
    if found.failures >= BREAKS_AFTER:
        pause = max(pause, min(FIRST_BREAK * 2 ** min(found.failures - BREAKS_AFTER, 10), LONGEST_BREAK))
    if pause or probed:
        found.broken_until = now + pause if pause else None
        _give_up(db, webhook_id, now)
    db.flush()
    return found.broken_until is not None


def _give_up(db: Session, webhook_id: uuid.UUID, now: datetime) -> None:
    """Mark the deliveries that have waited three days for a broken receiver as dead, without another attempt."""
    too_long = (
        due(db, Channel.WEBHOOK, now),
        Delivery.receiver == str(webhook_id),
        Delivery.queued_at < now - TRIED_FOR,
    )
    db.execute(
        update(Delivery)
        .where(*too_long)
        .values(
            state=str(DeliveryState.DEAD),
            code=func.coalesce(Delivery.code, str(DeliveryCode.RECEIVER_DOWN)),
            settled_at=now,
        )
        .execution_options(synchronize_session=False)
    )
