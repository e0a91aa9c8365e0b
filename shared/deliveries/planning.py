"""Planning: inserts one delivery for each event and each receiver that the event concerns.

The planner is a cursor over the organization's events, moved in the transaction that inserts the deliveries. So each
event is planned once; after a crash the transaction is rolled back and the next planner repeats it. Senders read
deliveries only, never the feed.
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

from shared import directory, events
from shared.database import current_org
from shared.deliveries.models import Channel, Delivery, Webhook
from shared.events import TYPES, Event

PLANNER = "planner"
"""The planner's name among the consumers of events."""

LARGEST_PLAN = 1000
"""Events planned in one transaction."""

Columns = Callable[[Any], list[ColumnElement[Any]]]
"""Maps a party id (a column or a literal) to the columns of a planned delivery to that party, selected from `Event`."""

Addressees = Callable[[Columns, ColumnElement[bool]], Select[Any]]
"""The recipients of a mail about an event: a select of these columns for the events that match a condition."""


def the_party(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
    """Addressees: the party that the event is about, under the id that it has now. Most mails go to that party."""
    return select(*columns(_present_party())).where(meant, Event.party_id.is_not(None))


def _present_party() -> ColumnElement[Any]:
    """The party that an event is about; it may have been merged or renumbered since."""
    return func.coalesce(directory.present_id(Event.party_id), Event.party_id)


def plan(
    db: Session, now: datetime, limit: int = LARGEST_PLAN, *, mailed: Mapping[str, Addressees] | None = None
) -> int:
    """Plan the deliveries of the next events. Returns the number of events: 0 if there are none or another planner is
    at work.

    limit: upper bound of events. mailed: the event types that are sent by mail, each with its addressees.
    """
    last = events.lock_position(db, PLANNER)
    if last is None:
        return 0
    head = events.head(db)
    listening = select(Webhook.id).where(
        Webhook.org_id == current_org(db), Webhook.removed_at.is_(None), Webhook.disabled_at.is_(None)
    )
    if not mailed and not db.scalar(select(listening.exists())):
        events.advance(db, PLANNER, since=last, to=head)  # there is no receiver at all
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
"""The columns of a planned delivery, in the order of `planned`."""


def planned(channel: Channel, receiver: ColumnElement[str], party_id: Any, now: datetime) -> list[ColumnElement[Any]]:
    """The columns of a planned delivery, to be selected from `Event`."""
    instants = [literal(now).label(name) for name in ("queued_at", "next_attempt_at", "created_at")]
    return [
        Event.org_id.label("org_id"),
        literal(str(channel), Text).label("channel"),
        receiver.label("receiver"),
        Event.sequence.label("sequence"),
        Event.type.label("event_type"),
        party_id.label("party_id"),
        _job_id().label("job_id"),
        *instants,
    ]


def wants() -> ColumnElement[bool]:
    """Condition: the webhook has asked for events of this type. Some types are sent only to those that name them."""
    for_all = and_(func.cardinality(Webhook.types) == 0, Event.type.not_in(_BY_NAME))
    return or_(for_all, Event.type == func.any(Webhook.types))


_BY_NAME = [name for name, declared in TYPES.items() if declared.by_name]


def _to_webhooks(meant: ColumnElement[bool], now: datetime) -> Select[Any]:
    of_event = and_(
        Webhook.org_id == Event.org_id,
        Webhook.removed_at.is_(None),
        Webhook.disabled_at.is_(None),
        Webhook.after < Event.sequence,
        wants(),
    )
    columns = planned(Channel.WEBHOOK, cast(Webhook.id, Text), _present_party(), now)
    return select(*columns).join_from(Event, Webhook, of_event).where(meant)


def _to_mailboxes(meant: ColumnElement[bool], now: datetime, mailed: Mapping[str, Addressees]) -> list[Select[Any]]:
    """One select for all event types with the same addressees, so that each select reads the events once. With one
    select per type and no statistics, PostgreSQL joined the events with themselves: cost grew with their square."""
    types: dict[Addressees, list[str]] = {}
    for event_type, addressees in mailed.items():
        types.setdefault(addressees, []).append(event_type)

    def columns(party_id: Any) -> list[ColumnElement[Any]]:
        return planned(Channel.EMAIL, party_id, party_id, now)

    return [addressees(columns, and_(meant, Event.type.in_(these))) for addressees, these in types.items()]


def _job_id() -> ColumnElement[uuid.UUID]:
    """The job that an event is about or that caused it."""
    about = cast(func.substr(Event.subject, len("job/") + 1), Uuid)
    return case((Event.subject.like("job/%"), about), else_=cast(Event.data["jobId"].astext, Uuid))
