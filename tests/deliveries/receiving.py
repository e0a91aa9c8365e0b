"""Steps of the tests of deliveries: create webhooks and events, plan, claim, send, and read the rows."""

import uuid
from typing import Any

from sqlalchemy import insert, select

from shared import clock, deliveries, events
from shared.deliveries import Channel, Claimed, Delivery, Webhook
from shared.events import Actor, Fact
from tests.drain import InProcessWorker
from tests.factories import Org

ACTOR = Actor("member", "member-1")
URL = "http://127.0.0.1:9/"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""A secret that no real service uses."""


def record(org: Org, *party_ids: str, type: str = "party.changed", **data: Any) -> None:
    """Record an event about each party, in one transaction."""
    with org.transaction() as db:
        facts = (Fact(type, f"party/{party_id}", data, party_id) for party_id in party_ids)
        events.record(db, ACTOR, clock.now(), *facts)


def webhook(org: Org, *types: str, url: str = URL, **columns: Any) -> str:
    """Insert a webhook that gets the events of these types (none: all) from now on. Returns its id."""
    with org.transaction() as db:
        now = clock.now()
        row = {"org_id": org.id, "url": url, "types": list(types), "after": events.head(db), "secret": SECRET}
        row |= {"created_by": "member-1", "created_at": now, "updated_at": now, **columns}
        made: uuid.UUID | None = db.scalar(insert(Webhook).values(row).returning(Webhook.id))
        return str(made)


def plan(org: Org, **options: Any) -> int:
    """Plan the new events. Returns how many."""
    with org.transaction() as db:
        return deliveries.plan(db, clock.now(), **options)


def rows(org: Org) -> list[Delivery]:
    """Every delivery, in the order of receiver and event."""
    with org.transaction() as db:
        return list(
            db.scalars(select(Delivery).where(Delivery.org_id == org.id).order_by(Delivery.receiver, Delivery.sequence))
        )


def claim(org: Org, *, channel: Channel = Channel.WEBHOOK, limit: int = 100, lease: float = 60) -> list[Claimed]:
    """Claim the due deliveries."""
    with org.transaction() as db:
        return deliveries.claim(db, channel, clock.now(), limit, lease)


def send(worker: InProcessWorker) -> None:
    """Call the webhooks that have deliveries due."""
    worker.deliver("deliveries.send", "webhook")


def states(org: Org) -> list[tuple[str, str | None, int | None]]:
    """State, code and status of every delivery, in the order of receiver and event."""
    return [(row.state, row.code, row.status) for row in rows(org)]


def the_webhook(org: Org) -> Webhook:
    """The only webhook of the organization."""
    with org.transaction() as db:
        return db.scalars(select(Webhook).where(Webhook.org_id == org.id)).one()
