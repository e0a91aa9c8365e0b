"""Claiming and settling: a sender claims deliveries, attempts them, and settles each with its result.

The attempt in between is network traffic with no transaction open. So a lease in the row (`leased_until`), not a row
lock, keeps other senders away. If a sender dies, its deliveries are due again when the lease ends; a message that it
had sent and not settled is sent twice.
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
"""How long a delivery is attempted, counted from `queued_at`."""

MOST_ATTEMPTS = 40
"""Three days of pauses allow fewer than 20 attempts. More than that are attempts whose sender died before settling."""


@dataclass(frozen=True, eq=False)
class Claimed:
    """A delivery that this sender holds until `leased_until`. attempts: including this one. No two claims are equal."""

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
    """The result of an attempt. next_attempt_at: only with QUEUED, the time of the next attempt."""

    state: DeliveryState
    code: DeliveryCode
    status: int | None = None
    next_attempt_at: datetime | None = None


def claim(db: Session, channel: Channel, now: datetime, limit: int, lease_seconds: float) -> list[Claimed]:
    """Claim deliveries that are due, the longest due first.

    limit: upper bound, but all that are due of one receiver and job are claimed together, because they make one mail.
    """
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
    """Condition: the delivery is queued, its time has come, and no sender holds a lease."""
    return and_(
        Delivery.org_id == current_org(db),
        Delivery.channel == channel,
        Delivery.state == DeliveryState.QUEUED,
        Delivery.next_attempt_at <= now,
        or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now),
    )


def lease(db: Session, ids: Collection[uuid.UUID], now: datetime, lease_seconds: float) -> list[Claimed]:
    """Lease deliveries whose rows this transaction has locked. Returns them by sequence.

    A delivery that was attempted MOST_ATTEMPTS times and never settled is given up: it probably kills its senders.
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


def settle_all(db: Session, results: Mapping[Claimed, Settled], now: datetime) -> int:
    """Save the results of several attempts in one statement. Returns how many of the leases were still valid; the
    other deliveries stay as they are."""
    if not results:
        return 0
    found: int = db.connection().exec_driver_sql(*settling(current_org(db), results, now)).rowcount
    return found


def settle_soon(database: Database, org_id: str, results: Mapping[Claimed, Settled], now: datetime) -> None:
    """Do the same as `settle_all` in a transaction of its own, in one round trip that does not wait for the disk. If
    PostgreSQL itself crashes, the messages of the last second are sent again, with the same ids."""
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
        AND leased_until = (%(leases)s::timestamptz[])[array_position(%(ids)s::uuid[], id)]
        AND state = 'queued'"""
"""The lease identifies the claim: a later claim of the same delivery has a later end.
`state` is checked too, because a delivery whose lease has ended can be suppressed or given up without a new lease.

Arrays and no join: without statistics PostgreSQL expects a row or two to be queued, and would read all queued rows
again for each result. An array of ids is looked up in an index once."""


def settling(org_id: str, results: Mapping[Claimed, Settled], now: datetime) -> tuple[str, dict[str, Any]]:
    """The statement that saves the results of several attempts, and its parameters."""
    return _SETTLE, {
        "org": org_id,
        "now": now,
        "ids": [claimed.id for claimed in results],
        "leases": [claimed.leased_until for claimed in results],
        "states": [str(settled.state) for settled in results.values()],
        "codes": [str(settled.code) for settled in results.values()],
        "statuses": [settled.status for settled in results.values()],
        "nexts": [settled.next_attempt_at for settled in results.values()],
    }


def release(db: Session, claimed: Collection[Claimed]) -> None:
    """Give back deliveries that were claimed but not attempted: they are due at once, and the attempt is not counted.

    A delivery that another sender has claimed since stays with that sender.
    """
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


def retry_later(claimed: Claimed, code: DeliveryCode, now: datetime, *, status: int | None = None) -> Settled:
    """The result of a failed attempt: queued for the next one, or dead after three days.

    Pauses triple from 5 s up to 8 h, plus or minus a fifth, so that deliveries that failed together are not attempted
    together again.
    """
    pause = min(FIRST_PAUSE * 3 ** min(claimed.attempts - 1, 20), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311
    if now + pause > claimed.queued_at + TRIED_FOR:
        return Settled(DeliveryState.DEAD, code, status)
    return Settled(DeliveryState.QUEUED, code, status, now + pause)


def organizations_with_due_deliveries(db: Session, channel: Channel, now: datetime) -> list[str]:
    """The ids of the organizations that have deliveries due. Works in a transaction of no organization."""
    return list(db.scalars(select(func.organizations_with_due_deliveries(str(channel), now))))
