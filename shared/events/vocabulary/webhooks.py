"""The events of webhooks: that they were set up and changed, never where they lead or what they are signed with."""

from shared.events.vocabulary.declaring import SYSTEM, Changed, Data, EventType, Reason


class WebhookCreated(Data):
    """types: the event types it asked for; none for all."""

    types: list[str]


class WebhookChanged(Data, Changed):
    """Fields of a webhook."""


class WebhookDisabled(Data):
    """Why."""

    reason: Reason


WEBHOOKS = (
    EventType("webhook.created", "A webhook was set up.", WebhookCreated, {"types": ["assignment.created"]}),
    EventType("webhook.changed", "A webhook was changed, enabled or disabled.", WebhookChanged, {"changed": ["types"]}),
    EventType("webhook.secret_rotated", "A webhook was given a new secret.", Data, {}),
    EventType(
        "webhook.disabled",
        "A webhook was disabled because its receiver wants no more.",
        WebhookDisabled,
        {"reason": "The receiver answered 410, so the webhook was disabled."},
        SYSTEM,
    ),
    EventType("webhook.removed", "A webhook was taken away.", Data, {}),
)
