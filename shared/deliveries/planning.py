"""Planning: from events to deliveries, one for each receiver that an event concerns.

The planner is a cursor over the organization's events, moved in the transaction that inserts the deliveries: an event
is planned once, or, after a crash, as if it had never been begun. Sending knows nothing of events that are to come.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import events
from shared.database import current_org
from shared.deliveries.models import Channel, Delivery, Webhook
from shared.events import Event

PLANNER = "planner"
"""The planner's name among the consumers of events."""

LARGEST_PLAN = 1000
"""Events planned in one transaction."""

Columns = Callable[[Any], list[ColumnElement[Any]]]
"""The columns of a planned delivery to a party with this id, to be selected from `Event`."""

Addressees = Callable[[Columns, ColumnElement[bool]], Select[Any]]
"""Whom to write to about an event: selects these columns of the events that are meant (a condition on `Event`)."""


def the_party(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """The party that the event is about: the addressee of most mails."""
    return select(*columns(Event.party_id)).where(meant, Event.party_id.is_not(None))


def plan(
    db: Session, now: datetime, limit: int = LARGEST_PLAN, *, mailed: Mapping[str, Addressees] | None = None
) -> int:
    """Plan the deliveries of the next events. Answers how many events it took: 0 for none, or when another is at it.

    mailed: the event types that are told by mail, each with whom to write to.
    """
    last = events.hold_position(db, PLANNER)
    if last is None:
        return 0
    head = events.head(db)
    listening = select(Webhook.id).where(
        Webhook.org_id == current_org(db), Webhook.removed_at.is_(None), Webhook.disabled_at.is_(None)
    )
    if not mailed and not db.scalar(select(listening.exists())):
        events.advance(db, PLANNER, since=last, to=head)  # nobody wants to be told of anything
        return 0
    up_to = min(head, last + limit)
    if up_to <= last:
        return 0
    meant = and_(Event.org_id == current_org(db), Event.sequence > last, Event.sequence <= up_to)
    parts = [_to_webhooks(meant, now), *_to_mailboxes(meant, now, mailed or {})]
    rows = union_all(*parts).subquery("planned")
    db.execute(
        insert(Delivery).from_select(COLUMNS, select(rows).order_by(rows.c.sequence)).on_conflict_do_nothing(),
    )
    events.advance(db, PLANNER, since=last, to=up_to)
    return up_to - last


COLUMNS = [
    "org_id",
    "channel",
    "receiver",
    "sequence",
    "event_type",
    "party_id",
    "job_id",
    "queued_at",
    "next_attempt_at",
    "created_at",
]
"""What is planned of a delivery, in the order of `planned`."""


def planned(channel: Channel, receiver: ColumnElement[str], party_id: Any, now: datetime) -> list[ColumnElement[Any]]:
    """The columns of a planned delivery, to be selected from `Event`."""
    at = [literal(now).label(name) for name in ("queued_at", "next_attempt_at", "created_at")]
    return [
        Event.org_id.label("org_id"),
        literal(str(channel), Text).label("channel"),
        receiver.label("receiver"),
        Event.sequence.label("sequence"),
        Event.type.label("event_type"),
        party_id.label("party_id"),
        _job_id().label("job_id"),
        *at,
    ]


def wants() -> ColumnElement[bool]:
    """Whether a webhook has asked for events of that type."""
    return or_(func.cardinality(Webhook.types) == 0, Event.type == func.any(Webhook.types))


def _to_webhooks(meant: ColumnElement[bool], now: datetime) -> Select[Any]:
    of_event = and_(
        Webhook.org_id == Event.org_id,
        Webhook.removed_at.is_(None),
        Webhook.disabled_at.is_(None),
        Webhook.after < Event.sequence,
        wants(),
    )
    columns = planned(Channel.WEBHOOK, cast(Webhook.id, Text), Event.party_id, now)
    return select(*columns).join_from(Event, Webhook, of_event).where(meant)


def _to_mailboxes(meant: ColumnElement[bool], now: datetime, mailed: Mapping[str, Addressees]) -> list[Select[Any]]:
    """A query for all types that have the same addressees, in which events are read once: without statistics
    PostgreSQL would join them with themselves in the square of their number."""
    types: dict[Addressees, list[str]] = {}
    for event_type, addressees in mailed.items():
        types.setdefault(addressees, []).append(event_type)

    def columns(party_id: Any) -> list[ColumnElement[Any]]:
        return planned(Channel.EMAIL, party_id, party_id, now)

    return [addressees(columns, and_(meant, Event.type.in_(its_types))) for addressees, its_types in types.items()]


def _job_id() -> ColumnElement[uuid.UUID]:
    """The job that an event is about or comes from."""
    about = cast(func.substr(Event.subject, len("job/") + 1), Uuid)
    return case((Event.subject.like("job/%"), about), else_=cast(Event.data["jobId"].astext, Uuid))
