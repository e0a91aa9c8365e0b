"""Webhooks: addresses of other systems that receive events. Create, change, remove and try one, and replay events."""

import uuid

from fastapi import Response, status

from api.http.dependencies import CurrentCaller, CurrentParts, Db, Lookup, Now, allow
from api.http.lists import AskedList
from api.http.once import ONCE, Once, RequestKey, again, without
from api.http.routing import Router
from api.v1.etags import Expected, etag
from shared.deliveries import (
    DeliveryAnswer,
    DeliveryCode,
    ReplayAnswer,
    ReplayRequest,
    TestAnswer,
    Webhook,
    WebhookAnswer,
    WebhookChanges,
    WebhookRequest,
    WebhookWithSecret,
)
from shared.services import webhooks
from shared.wire import Listing

router = Router("/v1/webhooks", "webhooks")


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=again(WebhookAnswer),
    dependencies=[allow(webhooks.create_webhook), Lookup],
)
def create_webhook(
    body: WebhookRequest, response: Response, caller: CurrentCaller, parts: CurrentParts, now: Now, key: RequestKey
) -> WebhookWithSecret:
    """Create a webhook for events from now on. Only this answer contains its secret."""
    allow_private = parts.settings.webhooks_allow_private
    made = webhooks.create_webhook(parts.database, caller, body, key, allow_private=allow_private, now=now)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    response.headers["ETag"] = etag(made.revision or 1)
    return WebhookWithSecret.of(made)


@router.get("", dependencies=[allow(webhooks.list_webhooks)])
def list_webhooks(asked: AskedList) -> Listing[WebhookAnswer]:
    """Webhooks, the newest first."""
    return asked.page(webhooks.list_webhooks(asked.db, asked.caller), WebhookAnswer, WebhookAnswer.of)


@router.get("/{webhook_id}", dependencies=[allow(webhooks.get_webhook)])
def read_webhook(webhook_id: uuid.UUID, db: Db, caller: CurrentCaller, response: Response) -> WebhookAnswer:
    """One webhook. Send its `ETag` as `If-Match` to change it."""
    return _answer(webhooks.get_webhook(db, caller, webhook_id), response)


@router.patch("/{webhook_id}", dependencies=[allow(webhooks.change_webhook), Lookup])
def change_webhook(
    webhook_id: uuid.UUID,
    body: WebhookChanges,
    expected: Expected,
    response: Response,
    caller: CurrentCaller,
    parts: CurrentParts,
    now: Now,
) -> WebhookAnswer:
    """Change the given fields. Events from while a webhook was disabled are sent only by a replay."""
    private, change = parts.settings.webhooks_allow_private, webhooks.change_webhook
    changed = change(parts.database, caller, webhook_id, body, expected, allow_private=private, now=now)
    return _answer(changed, response)


@router.delete("/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[allow(webhooks.remove_webhook)])
def remove_webhook(webhook_id: uuid.UUID, expected: Expected, db: Db, caller: CurrentCaller, now: Now) -> None:
    """Remove a webhook. Its deliveries stay on record."""
    webhooks.remove_webhook(db, caller, webhook_id, expected, now)


@router.post("/{webhook_id}/rotate", dependencies=[allow(webhooks.rotate_secret), ONCE])
def rotate_webhook_secret(
    webhook_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, response: Response
) -> WebhookWithSecret | WebhookAnswer:
    """Make a new secret, which only this answer contains. For 24 hours messages are signed with the former one too."""
    response.headers["Location"] = f"/v1/webhooks/{webhook_id}"
    return WebhookWithSecret.of(webhooks.rotate_secret(db, caller, webhook_id, now))


@router.post("/{webhook_id}/test", dependencies=[allow(webhooks.try_webhook)])
async def test_webhook(webhook_id: uuid.UUID, caller: CurrentCaller, parts: CurrentParts, now: Now) -> TestAnswer:
    """Call the webhook now, with an event of type `webhook.test` that is not in the feed, and return the result."""
    private = parts.settings.webhooks_allow_private
    reply, seconds = await webhooks.try_webhook(parts.database, caller, webhook_id, allow_private=private, now=now)
    return TestAnswer(
        delivered=reply.code is DeliveryCode.DELIVERED,
        code=reply.code,
        detail=reply.code.detail,
        status=reply.status,
        seconds=round(seconds, 3),
    )


@router.get("/{webhook_id}/deliveries", dependencies=[allow(webhooks.list_webhook_deliveries)])
def list_webhook_deliveries(asked: AskedList, webhook_id: uuid.UUID) -> Listing[DeliveryAnswer]:
    """The deliveries to the webhook, the newest first."""
    rows = webhooks.list_webhook_deliveries(asked.db, asked.caller, webhook_id)
    return asked.page(rows, DeliveryAnswer, lambda row: DeliveryAnswer.fields(*row))


@router.post(
    "/{webhook_id}/replay",
    status_code=status.HTTP_202_ACCEPTED,
    responses=again(ReplayAnswer),
    dependencies=[allow(webhooks.replay_webhook)],
)
def replay_events(
    webhook_id: uuid.UUID, body: ReplayRequest, db: Db, caller: CurrentCaller, now: Now, once: Once
) -> ReplayAnswer:
    """Queue again every event of the webhook's types from a sequence on, also from before it was created.

    What was sent before stays in the list as it was. A request examines at most 50,000 events. If `more` is true,
    repeat it from `upToSequence` + 1. 409 `replay-running` while deliveries of another replay are queued.
    """
    queued, up_to, more = webhooks.replay_webhook(db, caller, webhook_id, body.from_sequence, now)
    answer = ReplayAnswer(queued=queued, up_to_sequence=up_to, more=more)
    once.answer = without(answer)
    return answer


def _answer(webhook: Webhook, response: Response) -> WebhookAnswer:
    response.headers["ETag"] = etag(webhook.revision)
    return WebhookAnswer.of(webhook)
