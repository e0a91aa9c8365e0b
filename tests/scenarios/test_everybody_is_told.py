"""2,000 assignments over all channels at once: the Redis Stream, two webhooks, and mail.

One webhook's receiver fails every third call. Each receiver gets each event exactly once, counted against the tables.
"""

import json
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
import redis
import time_machine
from sqlalchemy import func, select

from shared import clock, deliveries
from shared.deliveries import Channel, Delivery
from shared.events import Event, stream
from shared.settings import Settings
from tests.assignments.asking import assign, body
from tests.deliveries import receivers
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.mail.correspondence import switch_mail
from tests.mail.server import running

SIZE = 2_000
TYPE = "assignment.created"


def every_third_fails(handler: BaseHTTPRequestHandler, before: int) -> None:
    """Answer every third call with 503 and accept the others. before: the number of earlier calls."""
    (receivers.status(503) if before % 3 == 2 else receivers.well)(handler, before)


def events_of(org: Org) -> list[str]:
    """Return the ids of the organization's `assignment.created` events."""
    with org.transaction() as db:
        of_type = select(Event.id).where(Event.org_id == org.id, Event.type == TYPE)
        return [str(one) for one in db.scalars(of_type)]


def left(org: Org) -> int:
    """Return the number of deliveries that are still queued."""
    with org.transaction() as db:
        queued = select(func.count()).where(Delivery.org_id == org.id, Delivery.state == "queued")
        return db.scalar(queued) or 0


def test_2000_assignments_reach_each_receiver_on_each_channel_exactly_once(
    org: Org, worker: InProcessWorker, configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker import mail, notices, webhooks

    names = [f"p-{n}" for n in range(SIZE)]
    people = [{"entityId": one, "displayName": one, "email": f"{one}@crew.example"} for one in names]
    for first in range(0, SIZE, 1000):
        assert org.client().put("/v1/parties", json={"parties": people[first : first + 1000]}).status_code == 200
    with receiver() as good, receiver(every_third_fails) as bad, running() as server:
        open_to_us = configured.model_copy(update={"webhooks_allow_private": True, "smtp_url": server.url})
        post = mail.Post()
        for module in (mail, webhooks):
            monkeypatch.setattr(module, "config", open_to_us)
        monkeypatch.setattr(mail, "post", post)
        switch_mail(org, True)
        hooks = [webhook(org, TYPE, url=one.url) for one in (good, bad)]
        assert assign(org, worker, body(org.with_course(), *names))["state"] == "succeeded"
        with org.transaction() as db:
            while deliveries.plan(db, clock.now(), mailed=notices.MAILED):
                pass
        worker.deliver("events.relay", org.id)
        for hours in range(30):
            with time_machine.travel(clock.now() + timedelta(hours=hours)):
                for channel in Channel:
                    worker.deliver("deliveries.send", str(channel))
            if not left(org):
                break
        if post.server is not None:
            post.server.close()
        switch_mail(org, False)
    happened = events_of(org)
    assert len(happened) == SIZE
    assert Counter(one["webhook-id"] for one in good.headers) == Counter(happened)
    taken = [one["webhook-id"] for number, one in enumerate(bad.headers) if number % 3 != 2]
    assert Counter(taken) == Counter(happened)
    written_to, everybody = Counter(server.recipients), [str(one["email"]) for one in people]
    assert [written_to[address] for address in everybody] == [1] * len(everybody)
    with org.transaction() as db:
        of_org = select(Delivery.channel, Delivery.receiver, Delivery.state).where(Delivery.org_id == org.id)
        rows = Counter((channel, state) for channel, _, state in db.execute(of_org))
        receivers_told = Counter(receiver for channel, receiver, _ in db.execute(of_org) if channel == Channel.WEBHOOK)
    assert rows == {("webhook", "sent"): 2 * SIZE, ("email", "sent"): SIZE}
    assert receivers_told == dict.fromkeys(hooks, SIZE)
    with redis.Redis.from_url(configured.need_redis_url(), decode_responses=True) as broker:
        entries = [json.loads(one["event"]) for _, one in broker.xrange(stream.STREAM) if one["org"] == org.id]
    assert Counter(one["id"] for one in entries if one["type"].endswith(TYPE)) == Counter(happened)
