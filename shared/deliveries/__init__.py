"""Deliveries: one event sent to one receiver over one channel. Owns the tables `delivery` and `webhook`.

Promises exactly one delivery per event, receiver and channel. It is attempted until the receiver accepts or refuses it,
or until it is three days old. A delivery is never lost. If its sender dies before the result is saved, the receiver
gets the message twice, with the same id.
"""

from shared.deliveries.addresses import AddressRefused, check_url
from shared.deliveries.calling import CALL_SECONDS, Line, Message, Reply, open_line
from shared.deliveries.calls import Call, claim_calls, message_to, settle_calls, settle_delivered, suppress_unwanted
from shared.deliveries.codes import DeliveryCode
from shared.deliveries.ledger import (
    DeliverySent,
    Waiting,
    Which,
    list_deliveries,
    redeliver,
    resend,
    summarize,
    waiting,
)
from shared.deliveries.mail import AddressUnusable, Letter, Notice, compose
from shared.deliveries.models import Channel, Delivery, DeliveryState, Webhook
from shared.deliveries.moving import move_deliveries, move_deliveries_back
from shared.deliveries.planning import LARGEST_PLAN, PLANNER, Addressees, Columns, plan, the_party
from shared.deliveries.replaying import DeliveryQueued, ReplayRunning, replay
from shared.deliveries.schemas import (
    DeliveryAnswer,
    ReplayAnswer,
    ReplayRequest,
    ResendAnswer,
    ResendRequest,
    Summary,
    TestAnswer,
    WebhookAnswer,
    WebhookChanges,
    WebhookRequest,
    WebhookWithSecret,
)
from shared.deliveries.smtp import Envelope, MailServer, NotTaken
from shared.deliveries.webhooks import (
    TooManyWebhooks,
    change_webhook,
    create_webhook,
    disable,
    get_webhook,
    list_webhooks,
    remove_webhook,
    rotate_secret,
)
from shared.deliveries.work import (
    Claimed,
    Settled,
    claim,
    organizations_with_due_deliveries,
    release,
    retry_later,
    settle_all,
    settle_soon,
)

__all__ = [
    "move_deliveries",
    "move_deliveries_back",
    "AddressRefused",
    "AddressUnusable",
    "Addressees",
    "CALL_SECONDS",
    "Call",
    "Channel",
    "Claimed",
    "Columns",
    "Delivery",
    "DeliveryAnswer",
    "DeliveryCode",
    "DeliveryQueued",
    "DeliverySent",
    "DeliveryState",
    "Envelope",
    "LARGEST_PLAN",
    "Letter",
    "Line",
    "MailServer",
    "Message",
    "NotTaken",
    "Notice",
    "PLANNER",
    "ReplayAnswer",
    "ReplayRunning",
    "ReplayRequest",
    "Reply",
    "ResendAnswer",
    "ResendRequest",
    "Settled",
    "Summary",
    "TestAnswer",
    "TooManyWebhooks",
    "Waiting",
    "Webhook",
    "WebhookAnswer",
    "WebhookChanges",
    "WebhookRequest",
    "WebhookWithSecret",
    "Which",
    "retry_later",
    "change_webhook",
    "check_url",
    "claim",
    "claim_calls",
    "compose",
    "create_webhook",
    "disable",
    "list_deliveries",
    "message_to",
    "open_line",
    "organizations_with_due_deliveries",
    "plan",
    "redeliver",
    "release",
    "remove_webhook",
    "replay",
    "resend",
    "rotate_secret",
    "settle_all",
    "settle_calls",
    "settle_delivered",
    "settle_soon",
    "summarize",
    "suppress_unwanted",
    "the_party",
    "waiting",
    "get_webhook",
    "list_webhooks",
]
