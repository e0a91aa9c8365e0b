"""The sender's side of deliveries: claim some, and settle each once it was tried.

In between lies a conversation over the network, with no transaction open. So what keeps others off is a lease in the
row: whoever dies with one costs its receivers the rest of the lease, and at most that one message told twice.
"""

import random
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Uuid,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from shared.arrays import is_one_of
from shared.database import Database, current_org
from shared.deliveries.codes import DeliveryCode
from shared.deliveries.models import Channel, Delivery, DeliveryState

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=8)
TRIED_FOR = timedelta(days=3)
"""How long a receiver is tried, from when the delivery was queued."""

MOST_ATTEMPTS = 40
"""Three days of pauses make less than twenty attempts; the rest are those whose sender died before it could settle."""


@dataclass(frozen=True, eq=False)
class Claimed:
    """A delivery that is ours to try until `leased_until`. attempts: with this one. No two claims are equal."""

    id: uuid.UUID
    channel: str
    receiver: str
    sequence: int
    event_type: str
    party_id: str | None
    job_id: uuid.UUID | None
    attempts: int
    queued_at: datetime
    leased_until: datetime


@dataclass(frozen=True)
class Settled:
    """What became of an attempt. next_attempt_at: only with QUEUED, when to try again."""

    state: DeliveryState
    code: DeliveryCode
    status: int | None = None
    next_attempt_at: datetime | None = None


def claim(db: Session, channel: Channel, now: datetime, limit: int, lease_seconds: float) -> list[Claimed]:
    """Claim deliveries that are due, the longest due first. Those of one receiver and job come together, whatever the
    limit: they make one message."""
    columns = Delivery.id, Delivery.receiver, Delivery.job_id
    first = (
        select(*columns)
        .where(due(db, channel, now))
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = db.execute(first).all()
    together = {(row.receiver, row.job_id) for row in found if row.job_id is not None}
    if together:
        rest = select(*columns).where(
            due(db, channel, now),
            is_one_of(Delivery.receiver, [receiver for receiver, _ in together]),
            is_one_of(Delivery.job_id, {job_id for _, job_id in together}),
        )
        others = db.execute(rest.with_for_update(skip_locked=True))
        found = [*found, *(row for row in others if (row.receiver, row.job_id) in together)]
    ids = {row.id for row in found}
    return lease(db, ids, now, lease_seconds)


def due(db: Session, channel: Channel, now: datetime) -> ColumnElement[bool]:
    """Whether a delivery waits for somebody to try it now."""
    return and_(
        Delivery.org_id == current_org(db),
        Delivery.channel == channel,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.next_attempt_at <= now,
        or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now),
    )


def lease(db: Session, ids: Collection[uuid.UUID], now: datetime, lease_seconds: float) -> list[Claimed]:
    """Take deliveries whose rows this transaction has locked. Answers them by sequence.

    One that was begun too often without ever being settled is given up: it must be what ends its senders.
    """
    if not ids:
        return []
    hopeless = Delivery.attempts >= MOST_ATTEMPTS
    taken = (
        update(Delivery)
        .where(Delivery.org_id == current_org(db), is_one_of(Delivery.id, ids))
        .values(
            state=case((hopeless, literal(str(DeliveryState.DEAD))), else_=Delivery.state),
            code=case((hopeless, literal(str(DeliveryCode.GIVEN_UP))), else_=Delivery.code),
            settled_at=case((hopeless, literal(now))),
            attempts=Delivery.attempts + 1,
            leased_until=now + timedelta(seconds=lease_seconds),
        )
        .returning(
            Delivery.state,
            Delivery.id,
            Delivery.channel,
            Delivery.receiver,
            Delivery.sequence,
            Delivery.event_type,
            Delivery.party_id,
            Delivery.job_id,
            Delivery.attempts,
            Delivery.queued_at,
            Delivery.leased_until,
        )
        .execution_options(synchronize_session=False)
    )
    rows = [Claimed(*rest) for state, *rest in db.execute(taken) if state == DeliveryState.QUEUED]
    return sorted(rows, key=lambda claimed: (claimed.sequence, claimed.receiver))


def settle(db: Session, claimed: Claimed, settled: Settled, now: datetime) -> bool:
    """Write down what became of one. False when the lease was no longer ours: somebody else has it, or had it."""
    return settle_all(db, {claimed: settled}, now) == 1


def settle_all(db: Session, results: Mapping[Claimed, Settled], now: datetime) -> int:
    """Write down what became of several, in one statement. Answers how many were still ours."""
    if not results:
        return 0
    found: int = db.connection().exec_driver_sql(*settling(current_org(db), results, now)).rowcount
    return found


def settle_soon(database: Database, org_id: str, results: Mapping[Claimed, Settled], now: datetime) -> None:
    """The same in a transaction of its own and one round trip, which does not wait for the disk: where PostgreSQL
    itself crashes, what was settled in the last second is told again, with the same id."""
    database.note(org_id, settling(org_id, results, now))


_SETTLE = """
    UPDATE delivery SET
        state = (%(states)s::text[])[array_position(%(ids)s::uuid[], id)],
        code = (%(codes)s::text[])[array_position(%(ids)s::uuid[], id)],
        status = (%(statuses)s::int[])[array_position(%(ids)s::uuid[], id)],
        next_attempt_at = coalesce(
            (%(nexts)s::timestamptz[])[array_position(%(ids)s::uuid[], id)], next_attempt_at),
        leased_until = NULL,
        settled_at = CASE WHEN (%(states)s::text[])[array_position(%(ids)s::uuid[], id)] <> 'queued'
            THEN %(now)s::timestamptz END
    WHERE org_id = %(org)s AND id = ANY (%(ids)s::uuid[])
        AND attempts = (%(attempts)s::int[])[array_position(%(ids)s::uuid[], id)]
        AND leased_until = (%(leases)s::timestamptz[])[array_position(%(ids)s::uuid[], id)]
        AND state = 'queued'"""
"""No join: without statistics PostgreSQL takes what is queued for a row or two, and reads all of it for each result
anew. An array of ids is looked up in an index, once."""


def settling(org_id: str, results: Mapping[Claimed, Settled], now: datetime) -> tuple[str, dict[str, Any]]:
    """The statement that writes down what became of several, and its parameters."""
    return _SETTLE, {
        "org": org_id,
        "now": now,
        "ids": [claimed.id for claimed in results],
        "attempts": [claimed.attempts for claimed in results],
        "leases": [claimed.leased_until for claimed in results],
        "states": [str(settled.state) for settled in results.values()],
        "codes": [str(settled.code) for settled in results.values()],
        "statuses": [settled.status for settled in results.values()],
        "nexts": [settled.next_attempt_at for settled in results.values()],
    }


def release(db: Session, claimed: Collection[Claimed]) -> None:
    """Give back what was claimed and not begun: it is due at once, and no attempt was made."""
    if not claimed:
        return
    ids = literal([one.id for one in claimed], ARRAY(Uuid))
    ours = or_(*(Delivery.leased_until == until for until in {one.leased_until for one in claimed}))
    db.execute(
        update(Delivery)
        .where(Delivery.org_id == current_org(db), Delivery.id == func.any(ids), ours)
        .values(leased_until=null(), attempts=Delivery.attempts - 1)
        .execution_options(synchronize_session=False)
    )


def again(claimed: Claimed, code: DeliveryCode, now: datetime, *, status: int | None = None) -> Settled:
    """The attempt failed: when the next one is, or that it was the last. The pauses triple from 5 s up to 8 h, give or
    take a fifth, so that what failed together does not come back together; after three days it is dead."""
    pause = min(FIRST_PAUSE * 3 ** min(claimed.attempts - 1, 20), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
    if now + pause > claimed.queued_at + TRIED_FOR:
        return Settled(DeliveryState.DEAD, code, status)
    return Settled(DeliveryState.QUEUED, code, status, now + pause)


def organizations_with_due_deliveries(db: Session, channel: Channel, now: datetime) -> list[str]:
    """The organizations that have something to tell. Needs no organization of its own."""
    return list(db.scalars(select(func.organizations_with_due_deliveries(str(channel), now))))
