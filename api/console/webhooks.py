"""Webhooks: the addresses of other systems that receive events, made, tried, changed and removed."""

import uuid

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from api.console.columns import Column
from api.console.forms import CurrentForm, Form, FormKey
from api.console.frame import ConsoleRouter, CurrentFrame, form_of
from api.console.history import name_of
from api.console.listing import ListPage, list_page
from api.http.dependencies import CurrentCaller, CurrentParts, Db, Lookup, Now, allow
from api.http.lists import AskedList
from shared import events
from shared.deliveries import ReplayRequest, WebhookAnswer, WebhookChanges, WebhookRequest
from shared.pagination import count
from shared.services import webhooks
from shared.texts import N_

router = ConsoleRouter("/webhooks")

PAGE = ListPage(
    title=N_("Webhooks"),
    template="webhooks.html",
    address="/webhooks",
    model=WebhookAnswer,
    columns=(
        Column("address", N_("Address")),
        Column("state", N_("State")),
        Column("events", N_("Events"), "wide"),
        Column("failures", N_("Failures in a row"), "wide number"),
    ),
)
_ITS_PAGE = form_of("/webhooks/{webhook_id}")


@router.list_of("", webhooks.list_webhooks)
def show_list(request: Request, frame: CurrentFrame, asked: AskedList) -> Response:
    """The list, or all of it as a file."""
    return list_page(frame, request, asked, PAGE, webhooks.list_webhooks(asked.db, asked.caller), WebhookAnswer.of)


@router.get("/new", dependencies=[allow(webhooks.list_webhooks)])
def show_form(frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """The form of a new webhook, with the number of those that are there: each is sent every event."""
    number, *_ = count(db, webhooks.list_webhooks(db, caller))
    return frame.page("webhook_new.html", form=form, types=_types(), number=number)


@router.post("/new", dependencies=[allow(webhooks.create_webhook), Lookup])
def create(
    frame: CurrentFrame, form: CurrentForm, caller: CurrentCaller, parts: CurrentParts, now: Now, key: FormKey
) -> Response:
    """Create it, and show its secret, once."""
    body = form.read(WebhookRequest, lists=["types"])
    allowed = parts.settings.webhooks_allow_private
    made = webhooks.create_webhook(parts.database, caller, body, key, allow_private=allowed, now=now)
    return frame.page("webhook_secret.html", webhook=WebhookAnswer.of(made), secret=made.secret)


@router.get("/{webhook_id}", dependencies=[allow(webhooks.get_webhook)])
def show(webhook_id: uuid.UUID, frame: CurrentFrame, form: CurrentForm, db: Db, caller: CurrentCaller) -> Response:
    """One webhook."""
    found = webhooks.get_webhook(db, caller, webhook_id)
    typed = form if form.sent else Form(_values(WebhookAnswer.of(found)))
    answer = WebhookAnswer.of(found)
    return frame.page("webhook.html", webhook=answer, revision=found.revision, form=typed, types=_types())


@router.post("/{webhook_id}/change", dependencies=[allow(webhooks.change_webhook), Lookup, _ITS_PAGE])
def change(
    webhook_id: uuid.UUID, form: CurrentForm, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> RedirectResponse:
    """Change it, unless somebody else has changed it since this page was shown."""
    given = {"description": form.text("description").strip() or None, "enabled": form.checked("enabled")}
    body = form.read(WebhookChanges, lists=["types"], **given)
    revision = form.text("revision")
    expected = {int(revision)} if revision.isdecimal() else set[int]()
    private, act = parts.settings.webhooks_allow_private, webhooks.change_webhook
    act(parts.database, caller, webhook_id, body, expected, allow_private=private, now=now)
    return RedirectResponse(f"/webhooks/{webhook_id}", 303)


@router.post("/{webhook_id}/try", dependencies=[allow(webhooks.try_webhook), _ITS_PAGE])
async def attempt(
    webhook_id: uuid.UUID, frame: CurrentFrame, _: CurrentForm, caller: CurrentCaller, parts: CurrentParts, now: Now
) -> Response:
    """Call it now, and show the result."""
    private = parts.settings.webhooks_allow_private
    reply, seconds = await webhooks.try_webhook(parts.database, caller, webhook_id, allow_private=private, now=now)
    return frame.page("webhook_tried.html", webhook_id=webhook_id, reply=reply, seconds=round(seconds, 2))


@router.post("/{webhook_id}/rotate", dependencies=[allow(webhooks.rotate_secret), _ITS_PAGE])
def rotate(
    webhook_id: uuid.UUID, frame: CurrentFrame, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now
) -> Response:
    """Make a new secret, and show it, once."""
    made = webhooks.rotate_secret(db, caller, webhook_id, now)
    return frame.page("webhook_secret.html", webhook=WebhookAnswer.of(made), secret=made.secret)


@router.post("/{webhook_id}/replay", dependencies=[allow(webhooks.replay_webhook), _ITS_PAGE])
def replay(webhook_id: uuid.UUID, form: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Queue its events again, from a number on."""
    body = form.read(ReplayRequest)
    webhooks.replay_webhook(db, caller, webhook_id, body.from_sequence, now)
    return RedirectResponse(f"/deliveries?webhookId={webhook_id}&state=queued", 303)


@router.post("/{webhook_id}/remove", dependencies=[allow(webhooks.remove_webhook), _ITS_PAGE])
def remove(webhook_id: uuid.UUID, _: CurrentForm, db: Db, caller: CurrentCaller, now: Now) -> RedirectResponse:
    """Remove it. Its deliveries stay on record."""
    webhooks.remove_webhook(db, caller, webhook_id, None, now)
    return RedirectResponse("/webhooks", 303)


def _types() -> list[tuple[str, str]]:
    """Return the types of events with their names in the reader's words."""
    return [(name, f"{name_of(name)} ({name})") for name in sorted(events.TYPES)]


def _values(webhook: WebhookAnswer) -> dict[str, list[str]]:
    values = {"url": [webhook.url], "types": list(webhook.types), "description": [webhook.description or ""]}
    return values | ({"enabled": ["true"]} if webhook.enabled else {})
