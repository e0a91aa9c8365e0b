"""The ledger of deliveries at the front desk: who was told, when, or why not; and sending again what went wrong."""

import uuid
from typing import Annotated

from fastapi import Depends, Query, status
from sqlalchemy import ColumnElement, Text, type_coerce

from api.dependencies import DEFAULT_LIMIT, CurrentCaller, Cursor, Db, Limit, Now, allow
from api.routing import Router
from shared import deliveries, directory
from shared.access import Caller, Permission
from shared.database import ID_PATTERN
from shared.deliveries import (
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    ResendAnswer,
    ResendRequest,
    Summary,
    Which,
)
from shared.pagination import page
from shared.wire import Listing

router = Router("/v1/deliveries", "deliveries")

DeliveriesListing = Listing[DeliveryAnswer]


def _within(caller: Caller) -> ColumnElement[bool]:
    """Deliveries about parties that the caller sees. What is about no party is for those who see all of them."""
    return directory.in_scope(type_coerce(Delivery.party_id, Text), caller.folders)


def _which(
    caller: CurrentCaller,
    job_id: Annotated[uuid.UUID | None, Query(alias="jobId")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    state: Annotated[DeliveryState | None, Query()] = None,
    channel: Annotated[Channel | None, Query()] = None,
    webhook_id: Annotated[uuid.UUID | None, Query(alias="webhookId")] = None,
) -> Which:
    return Which(_within(caller), job_id, party_id, state, channel, webhook_id)


Wanted = Annotated[Which, Depends(_which)]


@router.get("", dependencies=[allow(Permission.VIEW, Permission.ADMIN)])
def list_deliveries(db: Db, which: Wanted, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> DeliveriesListing:
    """Deliveries, the newest first. `state=dead` lists those that were given up."""
    found = page(db, deliveries.listed(db, which), limit=limit, cursor=cursor)
    return DeliveriesListing(items=[DeliveryAnswer.of(*row) for row in found.items], next_cursor=found.next_cursor)


@router.get("/summary", dependencies=[allow(Permission.VIEW, Permission.ADMIN)])
def summarize(db: Db, which: Wanted) -> Summary:
    """How many deliveries are in which state: of a job, a party, a webhook, or of all."""
    return deliveries.summary(db, which)


@router.post("/resend", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.ADMIN)])
def resend(body: ResendRequest, db: Db, caller: CurrentCaller, now: Now) -> ResendAnswer:
    """Queue again what failed or was given up, and only that."""
    which = Which(_within(caller), body.job_id, state=DeliveryState(body.state), channel=body.channel)
    return ResendAnswer(queued=deliveries.resend(db, which, now))


@router.post("/{delivery_id}/redeliver", status_code=status.HTTP_202_ACCEPTED, dependencies=[allow(Permission.ADMIN)])
def redeliver(delivery_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now) -> ResendAnswer:
    """Queue one again. 409 `delivery-queued` where it is, `delivery-sent` for a mail that somebody has."""
    deliveries.redeliver(db, delivery_id, _within(caller), now)
    return ResendAnswer(queued=1)
