"""Deliveries: list and count them, and send failed ones again."""

import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Select, Text, type_coerce
from sqlalchemy.orm import Session

from shared import deliveries, deployment, directory
from shared.access import Caller, Permission
from shared.deliveries import Delivery, DeliveryState, ResendRequest, Summary, Which
from shared.services.verbs import verb

SEES = (Permission.VIEW, Permission.ADMIN)


@verb(*SEES)
def list_deliveries(db: Session, caller: Caller, which: Which) -> Select[Delivery, uuid.UUID]:
    """Select the deliveries in the caller's scope, the newest first."""
    return deliveries.list_deliveries(db, replace(which, within=_within(caller)))


@verb(*SEES)
def summarize_deliveries(db: Session, caller: Caller, which: Which) -> Summary:
    """Return the number of deliveries in each state, in the caller's scope."""
    return deliveries.summarize(db, replace(which, within=_within(caller)))


@verb(Permission.ADMIN, whole=True)
def resend(db: Session, _: Caller, body: ResendRequest, now: datetime) -> int:
    """Queue the deliveries again that are in the given state. Returns their number."""
    state = DeliveryState(body.state)
    return deliveries.resend(db, Which(body.job_id, state=state, channel=body.channel), now)


@verb(Permission.ADMIN)
def redeliver(db: Session, caller: Caller, delivery_id: uuid.UUID, now: datetime) -> None:
    """Queue one delivery again. Raises NotFound, DeliveryQueued, and DeliverySent for a mail that was sent."""
    deliveries.redeliver(db, delivery_id, _within(caller), now)


@verb()
def can_send_mail(db: Session, _: Caller, now: datetime) -> bool:
    """True if mail is on and a process that runs now has a mail server. Else nobody is told anything by mail."""
    return deployment.mail_is_on(db) and deployment.can_send_mail(db, now)


def _within(caller: Caller) -> ColumnElement[bool]:
    """The condition that a delivery is about a party in scope. A caller limited to folders does not see the others."""
    return directory.in_scope(type_coerce(Delivery.party_id, Text), caller.folders)
