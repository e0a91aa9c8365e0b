"""Deliveries: what was told to whom, what was given up, and sending it again."""

import uuid

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.console.columns import Column
from api.console.forms import FORM_ONCE, CurrentForm, made
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.listing import Filter, ListPage, choices_of, list_page
from api.http.dependencies import CurrentCaller, Db, Now, allow
from api.http.filtering import DeliveryFilters
from api.http.lists import AskedList
from shared.deliveries import Channel, DeliveryAnswer, DeliveryState, ResendRequest
from shared.services import deliveries
from shared.texts import N_

router = ConsoleRouter("/deliveries")

STATES = {
    "queued": N_("Queued"),
    "sent": N_("Sent"),
    "suppressed": N_("Not needed"),
    "failed": N_("Failed"),
    "dead": N_("Given up"),
}
CHANNELS = {"email": N_("Mail"), "webhook": N_("Webhook")}

PAGE = ListPage(
    title=N_("Deliveries"),
    template="deliveries.html",
    address="/deliveries",
    model=DeliveryAnswer,
    columns=(
        Column("what", N_("What")),
        Column("to", N_("To")),
        Column("state", N_("State")),
        Column("why", N_("Why"), "wide"),
        Column("attempts", N_("Attempts"), "wide number"),
        Column("when", N_("When"), "wide", zoned=True),
    ),
    filters=(
        Filter("state", N_("State"), "choice", choices_of(DeliveryState, STATES)),
        Filter("channel", N_("Channel"), "choice", choices_of(Channel, CHANNELS)),
        Filter("jobId", N_("Job"), "hidden"),
        Filter("partyId", N_("Person"), "hidden"),
        Filter("webhookId", N_("Webhook"), "hidden"),
    ),
)


@router.list_of("", deliveries.list_deliveries)
def show(
    request: Request, frame: CurrentFrame, asked: AskedList, form: CurrentForm, which: DeliveryFilters
) -> Response:
    """The list, or all of it as a file."""
    rows = deliveries.list_deliveries(asked.db, asked.caller, which)
    shown = {"form": form, "states": STATES, "channels": CHANNELS}
    return list_page(frame, request, asked, PAGE, rows, lambda row: DeliveryAnswer.of(*row), **shown)


@router.post("/resend", dependencies=[allow(deliveries.resend), FORM_ONCE, form_of("/deliveries")])
def resend(form: CurrentForm, db: Db, caller: CurrentCaller, now: Now, response: Response) -> RedirectResponse:
    """Queue all that failed or were given up again."""
    deliveries.resend(db, caller, form.read(ResendRequest), now)
    return made(response, "/deliveries?state=queued")


@router.post("/{delivery_id}/redeliver", dependencies=[allow(deliveries.redeliver), form_of("/deliveries")])
def redeliver(delivery_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Queue one delivery again."""
    deliveries.redeliver(db, caller, delivery_id, now)
    return RedirectResponse("/deliveries?state=queued", 303)
