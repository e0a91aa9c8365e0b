"""Webhooks: addresses of other systems that receive events. Create, change, remove and try one, and replay events.

An address is checked before anything is written, outside any transaction, because its host name is looked up. So the
verbs that check one take the database and open transactions of their own.
"""

import time
import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import uuid_utils
from anyio.to_thread import run_sync
from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, clock, deliveries, idempotency
from shared.access import Caller, Permission
from shared.database import Database
from shared.deliveries import Delivery, Reply, Webhook, WebhookChanges, WebhookRequest, Which
from shared.idempotency import Key
from shared.services.verbs import verb


class Trial(NamedTuple):
    """The reply to one call, and the seconds it took."""

    reply: Reply
    seconds: float


@verb(Permission.ADMIN, whole=True)
def create_webhook(
    database: Database, caller: Caller, body: WebhookRequest, key: Key | None, *, allow_private: bool, now: datetime
) -> Webhook:
    """Create a webhook for events from now on, once for a key. Raises AddressRefused, TooManyWebhooks, Replayed."""
    url = deliveries.check_url(body.url, allow_private=allow_private)
    with database.transaction(caller.org_id) as db:
        access.get_organization(db)
        with idempotency.once(db, key, now) as made:
            webhook = deliveries.create_webhook(
                db, url=url, types=body.types, description=body.description, actor=caller.actor, now=now
            )
            made.location = f"/v1/webhooks/{webhook.id}"
        return webhook


@verb(Permission.ADMIN, whole=True)
def list_webhooks(db: Session, _: Caller) -> Select[Webhook]:
    """Select webhooks, the newest first."""
    return deliveries.list_webhooks(db)


@verb(Permission.ADMIN, whole=True)
def get_webhook(db: Session, _: Caller, webhook_id: uuid.UUID) -> Webhook:
    """Return one webhook. Raises NotFound."""
    return deliveries.get_webhook(db, webhook_id)


@verb(Permission.ADMIN, whole=True)
def change_webhook(
    database: Database,
    caller: Caller,
    webhook_id: uuid.UUID,
    body: WebhookChanges,
    expected: Collection[int] | None,
    *,
    allow_private: bool,
    now: datetime,
) -> Webhook:
    """Change the given fields. Events from while it was disabled are sent only by a replay.

    Raises NotFound, Stale, AddressRefused.
    """
    changes = body.changes
    if body.url is not None:
        with database.transaction(caller.org_id) as db:
            deliveries.get_webhook(db, webhook_id)
        changes["url"] = deliveries.check_url(body.url, allow_private=allow_private)
    with database.transaction(caller.org_id) as db:
        return deliveries.change_webhook(db, webhook_id, changes, expected=expected, actor=caller.actor, now=now)


@verb(Permission.ADMIN, whole=True)
def remove_webhook(
    db: Session, caller: Caller, webhook_id: uuid.UUID, expected: Collection[int] | None, now: datetime
) -> None:
    """Remove a webhook. Its deliveries stay on record. Raises NotFound, Stale."""
    deliveries.remove_webhook(db, webhook_id, expected=expected, actor=caller.actor, now=now)


@verb(Permission.ADMIN, whole=True)
def rotate_secret(db: Session, caller: Caller, webhook_id: uuid.UUID, now: datetime) -> Webhook:
    """Make a new secret. For 24 hours messages are signed with the former one too. Raises NotFound."""
    return deliveries.rotate_secret(db, webhook_id, actor=caller.actor, now=now)


@verb(Permission.ADMIN, whole=True)
async def try_webhook(
    database: Database, caller: Caller, webhook_id: uuid.UUID, *, allow_private: bool, now: datetime
) -> Trial:
    """Call the webhook now, with an event of type `webhook.test` that is not in the feed. Raises NotFound."""

    def read() -> Webhook:
        with database.transaction(caller.org_id) as db:
            return deliveries.get_webhook(db, webhook_id)

    webhook = await run_sync(read)
    event_id = str(uuid_utils.uuid7())
    event = _test_event(event_id, caller.org_id, webhook_id, clock.in_json(now))
    message = deliveries.message_to(webhook, event_id, orjson.dumps(event), now)
    began = time.monotonic()
    async with deliveries.open_line(allow_private=allow_private, most=1) as line:
        reply = await line.call(message, now)
    return Trial(reply, time.monotonic() - began)


@verb(Permission.ADMIN, whole=True)
def list_webhook_deliveries(db: Session, _: Caller, webhook_id: uuid.UUID) -> Select[Delivery, uuid.UUID]:
    """Select the deliveries to a webhook, the newest first. Raises NotFound."""
    deliveries.get_webhook(db, webhook_id)
    return deliveries.list_deliveries(db, Which(webhook_id=webhook_id))


@verb(Permission.ADMIN, whole=True)
def replay_webhook(
    db: Session, _: Caller, webhook_id: uuid.UUID, from_sequence: int, now: datetime
) -> tuple[int, int, bool]:
    """Queue again every event of the webhook's types from a sequence on, also from before it was created.

    At most 50,000 events. Returns the number of queued events, the last sequence examined, and True if more remain.
    Raises NotFound, ReplayRunning.
    """
    return deliveries.replay(db, webhook_id, from_sequence, now)


def _test_event(event_id: str, org_id: str, webhook_id: uuid.UUID, at: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"urn:rollcall:{org_id}",
        "type": "webhook.test",
        "subject": f"webhook/{webhook_id}",
        "time": at,
        "datacontenttype": "application/json",
        "org": org_id,
        "data": {},
    }
