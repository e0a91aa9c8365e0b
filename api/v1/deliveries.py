"""Deliveries: list and count them, and send failed ones again."""

import uuid
from typing import Annotated

from fastapi import Depends, Query, status

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.once import Once, again, without
from api.http.routing import Router
from api.v1.lists import AskedList
from shared.database import ID_PATTERN
from shared.deliveries import Channel, DeliveryAnswer, DeliveryState, ResendAnswer, ResendRequest, Summary, Which
from shared.services import deliveries
from shared.wire import Listing

router = Router("/v1/deliveries", "deliveries")


async def _which(
    job_id: Annotated[uuid.UUID | None, Query(alias="jobId")] = None,
    party_id: Annotated[str | None, Query(alias="partyId", pattern=ID_PATTERN)] = None,
    state: Annotated[DeliveryState | None, Query()] = None,
    channel: Annotated[Channel | None, Query()] = None,
    webhook_id: Annotated[uuid.UUID | None, Query(alias="webhookId")] = None,
) -> Which:
    return Which(job_id, party_id, state, channel, webhook_id)


Wanted = Annotated[Which, Depends(_which)]


@router.get("", dependencies=[allow(deliveries.list_deliveries)])
def list_deliveries(asked: AskedList, which: Wanted) -> Listing[DeliveryAnswer]:
    """Deliveries, the newest first. `state=dead` lists those that were given up after three days."""
    rows = deliveries.list_deliveries(asked.db, asked.caller, which)
    return asked.page(rows, DeliveryAnswer, lambda row: DeliveryAnswer.of(*row))


@router.get("/summary", dependencies=[allow(deliveries.summarize_deliveries)])
def summarize(db: Db, caller: CurrentCaller, which: Wanted) -> Summary:
    """The number of deliveries in each state: of a job, a party, a webhook, or of all."""
    return deliveries.summarize_deliveries(db, caller, which)


@router.post(
    "/resend",
    status_code=status.HTTP_202_ACCEPTED,
    responses=again(ResendAnswer),
    dependencies=[allow(deliveries.resend)],
)
def resend(body: ResendRequest, db: Db, caller: CurrentCaller, now: Now, once: Once) -> ResendAnswer:
    """Queue failed or dead deliveries again."""
    answer = ResendAnswer(queued=deliveries.resend(db, caller, body, now))
    once.answer = without(answer)
    return answer


@router.post(
    "/{delivery_id}/redeliver",
    status_code=status.HTTP_202_ACCEPTED,
    responses=again(ResendAnswer),
    dependencies=[allow(deliveries.redeliver)],
)
def redeliver(delivery_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, once: Once) -> ResendAnswer:
    """Queue one delivery again. 409 `delivery-queued` if it is queued, `delivery-sent` for a mail that was sent."""
    deliveries.redeliver(db, caller, delivery_id, now)
    answer = ResendAnswer(queued=1)
    once.answer = without(answer)
    return answer
