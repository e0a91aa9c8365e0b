"""Deliveries: list and count them, and send failed ones again."""

import uuid

from fastapi import status

from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.filtering import DeliveryFilters
from api.http.lists import AskedList
from api.http.once import Once, again, without
from api.http.routing import Router
from shared.deliveries import DeliveryAnswer, ResendAnswer, ResendRequest, Summary
from shared.services import deliveries
from shared.wire import Listing

router = Router("/v1/deliveries", "deliveries")


@router.get("", dependencies=[allow(deliveries.list_deliveries)])
def list_deliveries(asked: AskedList, which: DeliveryFilters) -> Listing[DeliveryAnswer]:
    """Deliveries, the newest first. `state=dead` lists those that were given up after three days."""
    rows = deliveries.list_deliveries(asked.db, asked.caller, which)
    return asked.page(rows, DeliveryAnswer, lambda row: DeliveryAnswer.fields(*row))


@router.get("/summary", dependencies=[allow(deliveries.summarize_deliveries)])
def summarize_deliveries(db: Db, caller: CurrentCaller, which: DeliveryFilters) -> Summary:
    """The number of deliveries in each state: of a job, a party, a webhook, or of all."""
    return deliveries.summarize_deliveries(db, caller, which)


@router.post(
    "/resend",
    status_code=status.HTTP_202_ACCEPTED,
    responses=again(ResendAnswer),
    dependencies=[allow(deliveries.resend)],
)
def resend_deliveries(body: ResendRequest, db: Db, caller: CurrentCaller, now: Now, once: Once) -> ResendAnswer:
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
def resend_delivery(delivery_id: uuid.UUID, db: Db, caller: CurrentCaller, now: Now, once: Once) -> ResendAnswer:
    """Queue one delivery again. 409 `delivery-queued` if it is queued, `delivery-sent` for a mail that was sent."""
    deliveries.redeliver(db, caller, delivery_id, now)
    answer = ResendAnswer(queued=1)
    once.answer = without(answer)
    return answer
