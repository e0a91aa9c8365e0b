"""Deliveries: one event told to one receiver over one channel. Owns `delivery` and `webhook`.

Promises one delivery for an event, a receiver and a channel, and that it is tried until it is told, refused or three
days old. What is told may be told twice, with the same id, when its sender dies in between; it is never lost.
"""

from shared.deliveries.codes import DeliveryCode
from shared.deliveries.mail import AddressUnusable, Letter, Notice, compose
from shared.deliveries.models import Channel, Delivery, DeliveryState, Webhook
from shared.deliveries.planning import LARGEST_PLAN, PLANNER, Addressees, plan, the_party
from shared.deliveries.smtp import Envelope, MailServer, NotTaken
from shared.deliveries.work import (
    Claimed,
    Settled,
    again,
    claim,
    organizations_with_due_deliveries,
    release,
    settle,
    settle_all,
)

__all__ = [
    "AddressUnusable",
    "Addressees",
    "Channel",
    "Claimed",
    "Delivery",
    "DeliveryCode",
    "DeliveryState",
    "Envelope",
    "LARGEST_PLAN",
    "Letter",
    "MailServer",
    "NotTaken",
    "Notice",
    "PLANNER",
    "Settled",
    "Webhook",
    "again",
    "claim",
    "compose",
    "organizations_with_due_deliveries",
    "plan",
    "release",
    "settle",
    "settle_all",
    "the_party",
]
