"""The events of webhooks. No event holds the address or the secret of a webhook."""

from shared.events.vocabulary.declaring import SYSTEM, Changed, Data, EventType, Reason


class WebhookCreated(Data):
    """types: the event types that the webhook receives; empty: all types."""

    types: list[str]


class WebhookChanged(Data, Changed):
    """The changed fields of a webhook."""


class WebhookDisabled(Data):
    """reason: why it was disabled."""

    reason: Reason


WEBHOOKS = (
    EventType("webhook.created", "A webhook was created.", WebhookCreated, {"types": ["assignment.created"]}),
    EventType("webhook.changed", "A webhook was changed, enabled or disabled.", WebhookChanged, {"changed": ["types"]}),
    EventType("webhook.secret_rotated", "A webhook was given a new secret.", Data, {}),
    EventType(
        "webhook.disabled",
        "A webhook was disabled because its receiver answered 410.",
        WebhookDisabled,
        {"reason": "The receiver answered 410, so the webhook was disabled."},
        SYSTEM,
    ),
    EventType("webhook.removed", "A webhook was removed.", Data, {}),
)
