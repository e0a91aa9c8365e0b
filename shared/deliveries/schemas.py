"""Requests and answers of the API about webhooks and deliveries."""

import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from shared import events
from shared.deliveries.addresses import LONGEST_URL
from shared.deliveries.codes import sentence
from shared.deliveries.models import Channel, Delivery, DeliveryState, Webhook
from shared.wire import Answer, Fields, Instant, Line, Received

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_URL)]


def _known(types: list[str]) -> list[str]:
    if unknown := [at for at, name in enumerate(types) if name not in events.TYPES]:
        raise ValueError(f"item {unknown[0]} is not an event type; GET /v1/events/asyncapi.json lists them")
    return types


TypeName = Annotated[str, Field(json_schema_extra={"enum": sorted(events.TYPES)})]
Types = Annotated[list[TypeName], Field(max_length=200)]


class WebhookRequest(Received):
    """A new webhook: the address to call, and the event types to send; none for all types."""

    url: Url
    types: Types = Field(default_factory=list)
    description: Line | None = None

    @field_validator("types")
    @classmethod
    def _are_known(cls, value: list[str]) -> list[str]:
        return _known(value)


class WebhookChanges(Received):
    """Changes to a webhook. A field that is left out stays as it is. Null clears `description`."""

    url: Url | None = None
    types: Types | None = None
    description: Line | None = None
    enabled: bool | None = None

    @field_validator("types")
    @classmethod
    def _are_known(cls, value: list[str] | None) -> list[str]:
        if value is None:
            raise ValueError("must not be null; an empty list asks for all types")
        return _known(value)

    @field_validator("url", "enabled", mode="before")
    @classmethod
    def _keep(cls, value: object) -> object:
        if value is None:
            raise ValueError("must not be null; leave it out to keep it")
        return value

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name url, types, description or enabled")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """The given fields with their values."""
        return self.model_dump(include=self.model_fields_set)


class ReplayRequest(Received):
    """The sequence of the first event to send again."""

    from_sequence: int = Field(ge=1, le=2**63 - 1)


class WebhookAnswer(Answer):
    """A webhook without its secret. failures: failed attempts in a row. brokenUntil: nothing is sent before."""

    id: uuid.UUID
    url: str
    types: list[str]
    description: str | None
    enabled: bool
    disabled_why: str | None
    failures: int
    broken_until: Instant | None
    created_by: str
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """The answer about this webhook."""
        return cls.model_validate(_fields(webhook))


class WebhookWithSecret(WebhookAnswer):
    """A webhook with its secret, which is shown once: when the webhook is created or the secret rotated."""

    secret: str
    former_secret_until: Instant | None

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """The answer about this webhook."""
        return cls.model_validate(
            _fields(webhook) | {"secret": webhook.secret, "former_secret_until": webhook.former_secret_until}
        )


def _fields(webhook: Webhook) -> dict[str, Any]:
    names = ("id", "url", "types", "description", "disabled_why", "failures", "broken_until", "created_by")
    fields = {name: getattr(webhook, name) for name in (*names, "created_at", "updated_at")}
    return fields | {"enabled": webhook.disabled_at is None}


class TestAnswer(Answer):
    """The result of a test call. Test calls are not in the ledger."""

    delivered: bool
    code: str
    detail: str
    status: int | None
    seconds: float


class ReplayAnswer(Answer):
    """The number of events queued, the last sequence examined, and whether later events remain to be replayed."""

    queued: int
    up_to_sequence: int
    more: bool


class ToldEvent(Answer):
    """The event of a delivery."""

    id: uuid.UUID
    type: str
    sequence: str


class DeliveryAnswer(Answer):
    """A delivery: its event, receiver, state and reason. receiver: the id of a webhook or of a party.

    replay: the number of the webhook's replay that queued it, 0 if none did.
    """

    id: uuid.UUID
    channel: Channel
    receiver: str
    event: ToldEvent
    party_id: str | None
    job_id: uuid.UUID | None
    state: DeliveryState
    code: str | None
    detail: str | None
    status: int | None
    attempts: int
    replay: int
    next_attempt_at: Instant | None
    created_at: Instant
    settled_at: Instant | None

    @staticmethod
    def fields(delivery: Delivery, event_id: uuid.UUID) -> Fields:
        """The fields about this delivery."""
        queued = delivery.state == DeliveryState.QUEUED
        return {
            "id": delivery.id,
            "channel": delivery.channel,
            "receiver": delivery.receiver,
            "event": {"id": event_id, "type": delivery.event_type, "sequence": str(delivery.sequence)},
            "partyId": delivery.party_id,
            "jobId": delivery.job_id,
            "state": delivery.state,
            "code": delivery.code,
            "detail": sentence(delivery.code),
            "status": delivery.status,
            "attempts": delivery.attempts,
            "replay": delivery.replay,
            "nextAttemptAt": delivery.next_attempt_at if queued else None,
            "createdAt": delivery.created_at,
            "settledAt": delivery.settled_at,
        }

    @classmethod
    def of(cls, delivery: Delivery, event_id: uuid.UUID) -> Self:
        """The answer about this delivery."""
        return cls.model_validate(cls.fields(delivery, event_id))


class ResendRequest(Received):
    """The deliveries to queue again: failed or dead ones, optionally of one job or one channel."""

    state: Literal["failed", "dead"]
    job_id: uuid.UUID | None = None
    channel: Channel | None = None


class ResendAnswer(Answer):
    """The number of deliveries queued."""

    queued: int


class Summary(Answer):
    """The number of deliveries in each state."""

    total: int
    queued: int
    sent: int
    suppressed: int
    failed: int
    dead: int
