"""When a sender begins no further call."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from shared import clock, deliveries
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import plan, record, rows, send, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.waiting import within

pytestmark = pytest.mark.usefixtures("private")


def test_a_call_is_not_begun_if_its_lease_could_end_before_it(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another sender could claim the delivery and make the same call."""
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        with monkeypatch.context() as patch:
            patch.setattr("worker.webhooks.LEASE_SECONDS", deliveries.CALL_SECONDS)
            send(worker)
        assert server.bodies == []
        with time_machine.travel(clock.now() + timedelta(seconds=60)):
            send(worker)
        assert server.sequences == [2]


def test_no_call_begins_while_too_many_replies_are_unsettled(
    org: Org, worker: InProcessWorker, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed sender repeats at most these and the calls under way."""
    from worker import webhooks

    settle = webhooks._settle

    def slow(org_id: str, replies: list[Any]) -> set[str]:
        released.wait(60)
        return settle(org_id, replies)

    monkeypatch.setattr(webhooks, "_settle", slow)
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(100)))
        plan(org)
        thread = threading.Thread(target=send, args=(worker,))
        thread.start()
        assert within(20, lambda: len(server.bodies) >= webhooks.MOST_UNSETTLED)
        time.sleep(0.5)
        assert len(server.bodies) <= webhooks.MOST_UNSETTLED + webhooks.EACH_AT_A_TIME
        released.set()
        thread.join(60)
        assert not thread.is_alive()
    assert {row.state for row in rows(org)} == {"sent"}
