"""The hash chain over an organization's events, and the seals that keep its hashes.

Every event has a hash: SHA-256 over the hash of the event before it and its own canonical form. A seal keeps the hash
of one event, and with it vouches for every event up to there; where the seals fall makes no difference to the hashes.
Sealing comes after the fact, so recording pays nothing for it. `verification.py` reads the chain again.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from shared.database import current_org
from shared.events.models import Event, EventSeal
from shared.events.queries import head

START = "0" * 64
"""What stands before the first event in place of a hash."""

LARGEST_BLOCK = 10_000
"""Events in one seal at most: a backlog is sealed in transactions that end soon."""

ROWS_A_FETCH = 1000

COLUMNS = (
    Event.org_id,
    Event.sequence,
    Event.id,
    Event.type,
    Event.subject,
    Event.recorded_at,
    Event.actor_type,
    Event.actor_id,
    Event.party_id,
    Event.data,
)
"""What the canonical form covers: all of an event. A column added later goes here, too, and must be null in what is
sealed already."""

Sealable = Row[*tuple[Any, ...]]
"""An event as a row of `COLUMNS`."""


@dataclass(frozen=True)
class Head:
    """How far a chain goes: the last sealed event's sequence and hash, or 0 and `START` before the first seal.

    unsealed: how many events have come since, and wait for the next seal.
    """

    sequence: int
    hash: str
    sealed_at: datetime | None
    unsealed: int


def canonical(event: Sealable) -> bytes:
    """The bytes that stand for an event for ever, whatever PostgreSQL or its settings are by then.

    A JSON object of the columns by their names, without those that are null: keys sorted, no spaces, UTF-8, characters
    escaped only where JSON demands it, instants as `2026-03-01T09:30:00.000000Z`. That is RFC 8785 for all that
    events hold: texts, whole numbers below 2 to the 53rd, true, false, null.
    """
    columns = {name: value for name, value in event._asdict().items() if value is not None}
    return json.dumps(columns, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_text).encode()


def link(former: str, form: bytes) -> str:
    """The hash of an event in canonical form, which follows the event with the hash `former`.

    Hashes are 64 lower-case hexadecimal digits, here as in the input: `printf %s%s "$former" "$form" | sha256sum`.
    """
    return sha256(former.encode() + form).hexdigest()


def in_order(db: Session, *, after: int | None = None, limit: int | None = None) -> Iterator[Sealable]:
    """Events by sequence, a thousand in memory at a time."""
    rows = select(*COLUMNS).where(Event.org_id == current_org(db)).order_by(Event.sequence).limit(limit)
    if after is not None:
        rows = rows.where(Event.sequence > after)
    yield from db.execute(rows, execution_options={"yield_per": ROWS_A_FETCH})


def sealed_head(db: Session) -> Head:
    """How far the organization's chain goes. The seal is read before the counter, which can only be further."""
    last = db.scalar(
        select(EventSeal).where(EventSeal.org_id == current_org(db)).order_by(EventSeal.last_sequence.desc()).limit(1)
    )
    newest = head(db)
    if last is None:
        return Head(0, START, None, newest)
    return Head(last.last_sequence, last.hash, last.sealed_at, max(newest - last.last_sequence, 0))


def seal(db: Session, now: datetime, *, most: int = LARGEST_BLOCK) -> int:
    """Seal the events after the last seal. Answers how many: 0 when there are none, or when another sealer is at it.

    Two sealers could start from the same seal and fork the chain, as their blocks need not end at the same event; so
    the lock is taken before anything is read. Whoever records events never waits for it.
    """
    if not _lock(db):
        return 0
    last = sealed_head(db)
    sealed, sequence, tip = 0, last.sequence, last.hash
    for event in in_order(db, after=last.sequence, limit=most):
        sealed, sequence, tip = sealed + 1, event.sequence, link(tip, canonical(event))
    if sealed:
        block = {"first_sequence": last.sequence + 1, "last_sequence": sequence, "hash": tip, "sealed_at": now}
        db.execute(insert(EventSeal).values(org_id=current_org(db), **block))
    return sealed


def organizations_with_unsealed_events(db: Session) -> list[str]:
    """The organizations for which sealing is due. Needs no organization of its own."""
    return list(db.scalars(select(func.organizations_with_unsealed_events())))


def _lock(db: Session) -> bool:
    """Become the organization's only sealer until this transaction ends. False when there is one."""
    key = func.hashtextextended(f"event_seal/{current_org(db)}", 0)
    return db.scalar(select(func.pg_try_advisory_xact_lock(key))) is True


def _text(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case uuid.UUID():
            return str(value)
    raise TypeError(f"the canonical form of an event knows no {type(value).__name__}")
