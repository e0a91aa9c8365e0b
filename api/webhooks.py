"""Webhooks: other systems' addresses that are told of events. Setting them up, trying them, and telling them again.

An address is checked before anything is written, outside any transaction, because its name has to be looked up.
"""

import time
import uuid
from typing import Any

import orjson
import uuid_utils
from anyio.to_thread import run_sync
from fastapi import Response, status
from sqlalchemy import true

from api.deliveries import DeliveriesListing
from api.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentService, Cursor, Db, Limit, Now, allow
from api.etags import Expected, etag
from api.routing import Router
from shared import access, deliveries
from shared.access import Permission
from shared.deliveries import (
    DeliveryAnswer,
    DeliveryCode,
    ReplayAnswer,
    ReplayRequest,
    TestAnswer,
    WebhookAnswer,
    WebhookChanges,
    WebhookRequest,
    WebhookWithSecret,
    Which,
)
from shared.pagination import page
from shared.wire import Listing

router = Router("/v1/webhooks", "webhooks")

STAFF = allow(Permission.ADMIN)

WebhooksListing = Listing[WebhookAnswer]


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[STAFF])
def create_webhook(
    body: WebhookRequest, response: Response, caller: CurrentCaller, service: CurrentService, now: Now
) -> WebhookWithSecret:
    """Set up a webhook for everything that happens from now on. The answer holds its secret, this once."""
    url = deliveries.check_url(body.url, allow_private=service.settings.webhooks_allow_private)
    with service.database.transaction(caller.org_id) as db:
        access.organization(db)
        made = deliveries.create_webhook(
            db, url=url, types=body.types, description=body.description, actor=caller.actor, now=now
        )
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    response.headers["ETag"] = etag(made.revision or 1)
    return WebhookWithSecret.of(made)


@router.get("", dependencies=[STAFF])
def list_webhooks(db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> WebhooksListing:
    """Webhooks, the newest first."""
    found = page(db, deliveries.webhooks(db), limit=limit, cursor=cursor)
    return WebhooksListing(items=[WebhookAnswer.of(one) for one in found.items], next_cursor=found.next_cursor)


@router.get("/{webhook_id}", dependencies=[STAFF])
def read_webhook(webhook_id: uuid.UUID, db: Db, response: Response) -> WebhookAnswer:
    """One webhook. Its ETag goes into the If-Match of a change."""
    found = deliveries.webhook(db, webhook_id)
    response.headers["ETag"] = etag(found.revision)
    return WebhookAnswer.of(found)


@router.patch("/{webhook_id}", dependencies=[STAFF])
def change_webhook(
    webhook_id: uuid.UUID,
    body: WebhookChanges,
    expected: Expected,
    response: Response,
    caller: CurrentCaller,
    service: CurrentService,
    now: Now,
) -> WebhookAnswer:
    """Change the given fields. One that is enabled again hears of what happened meanwhile only by a replay."""
    changes = body.changes
    if body.url is not None:
        with service.database.transaction(caller.org_id) as db:
            deliveries.webhook(db, webhook_id)
        changes["url"] = deliveries.check_url(body.url, allow_private=service.settings.webhooks_allow_private)
    with service.database.transaction(caller.org_id) as db:
        found = deliveries.change_webhook(db, webhook_id, changes, expected=expected, actor=caller.actor, now=now)
    response.headers["ETag"] = etag(found.revision)
    return WebhookAnswer.of(found)


@router.delete("/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[STAFF])
def remove_webhook(webhook_id: uuid.UUID, expected: Expected, db: Db, caller: CurrentCaller, now: Now) -> None:
    """Take a webhook away. What it was told stays on record."""
    deliveries.remove_webhook(db, webhook_id, expected=expected, actor=caller.actor, now=now)


@router.post("/{webhook_id}/rotate", dependencies=[STAFF])
def rotate_secret(webhook_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> WebhookWithSecret:
    """Give it a new secret, told this once. For 24 hours messages are signed with the former one, too."""
    return WebhookWithSecret.of(deliveries.rotate_secret(db, webhook_id, actor=caller.actor, now=now))


@router.post("/{webhook_id}/test", dependencies=[STAFF])
async def test_webhook(webhook_id: uuid.UUID, caller: CurrentCaller, service: CurrentService, now: Now) -> TestAnswer:
    """Call it now, with an event of type `webhook.test` that is in no feed, and tell what came back."""

    def read() -> deliveries.Webhook:
        with service.database.transaction(caller.org_id) as db:
            return deliveries.webhook(db, webhook_id)

    webhook = await run_sync(read)
    event_id = str(uuid_utils.uuid7())
    event = _test_event(event_id, caller.org_id, webhook_id, now.isoformat().replace("+00:00", "Z"))
    message = deliveries.message_to(webhook, event_id, orjson.dumps(event), now)
    began = time.monotonic()
    async with deliveries.open_line(allow_private=service.settings.webhooks_allow_private, most=1) as line:
        reply = await line.call(message, now)
    return TestAnswer(
        delivered=reply.code is DeliveryCode.DELIVERED,
        code=reply.code,
        detail=reply.code.detail,
        status=reply.status,
        seconds=round(time.monotonic() - began, 3),
    )


@router.get("/{webhook_id}/deliveries", dependencies=[STAFF])
def list_its_deliveries(
    webhook_id: uuid.UUID, db: Db, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> DeliveriesListing:
    """What it was told, the newest first."""
    deliveries.webhook(db, webhook_id)
    found = page(db, deliveries.listed(db, Which(true(), webhook_id=webhook_id)), limit=limit, cursor=cursor)
    return DeliveriesListing(items=[DeliveryAnswer.of(*row) for row in found.items], next_cursor=found.next_cursor)


@router.post("/{webhook_id}/replay", status_code=status.HTTP_202_ACCEPTED, dependencies=[STAFF])
def replay(webhook_id: uuid.UUID, body: ReplayRequest, db: Db, now: Now) -> ReplayAnswer:
    """Tell it again of every event from a sequence on that it asks for, also from before it was set up.

    At most 50,000 events at a time; where there is more, ask again from after `upToSequence`.
    """
    queued, up_to, more = deliveries.replay(db, webhook_id, body.from_sequence, now)
    return ReplayAnswer(queued=queued, up_to_sequence=up_to, more=more)


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
