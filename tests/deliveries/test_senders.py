"""Senders: rounds of many calls, which delay no other receiver, lose nothing when killed and send nothing twice."""

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from sqlalchemy.orm import Session

from shared import clock, deliveries
from shared.database import current_org
from shared.deliveries import LARGEST_PLAN
from shared.deliveries import plan as plan_events
from tests.deliveries import receivers
from tests.deliveries.receivers import receiver
from tests.deliveries.receiving import plan, record, rows, send, states, webhook
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded
from tests.waiting import within

pytestmark = pytest.mark.usefixtures("private")


def test_a_receiver_that_hangs_delays_no_other(
    org: Org, other_org: Org, worker: InProcessWorker, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a receiver of its own organization nor of another one."""
    monkeypatch.setattr("shared.deliveries.calling.CALL_SECONDS", 30)
    with receiver(receivers.hang(released)) as bad, receiver() as good:
        webhook(org, url=bad.url)
        for one in (org, other_org):
            webhook(one, url=good.url)
            record(one, *(f"p-{n}" for n in range(200)))
            plan(one)
        thread = threading.Thread(target=send, args=(worker,))
        began = time.monotonic()
        thread.start()
        while len(good.bodies) < 400:
            assert time.monotonic() - began < 25, f"{len(good.bodies)} of 400"
            time.sleep(0.02)
        assert bad.most_open == 8
        released.set()
        thread.join(60)
        assert not thread.is_alive()
    assert [row.state for row in rows(other_org)] == ["sent"] * 200


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "control"])
def test_hanging_receivers_of_one_organization_leave_places_for_another(
    org: Org,
    other_org: Org,
    worker: InProcessWorker,
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    guarded: bool,
) -> None:
    """Twelve receivers could take 96 places of 64. The control gives their organization all of them."""
    from worker import webhooks

    monkeypatch.setattr("shared.deliveries.calling.CALL_SECONDS", 30)
    if not guarded:
        monkeypatch.setattr(webhooks, "ORG_AT_A_TIME", webhooks.AT_A_TIME)
    share = webhooks.ORG_AT_A_TIME
    with receiver(receivers.hang(released)) as bad, receiver() as good:
        for _ in range(12):
            webhook(org, url=bad.url)
        webhook(other_org, url=good.url)
        record(org, *(f"p-{n}" for n in range(20)))
        plan(org)
        thread = threading.Thread(target=send, args=(worker,))
        thread.start()
        assert within(20, lambda: bad.open >= share)
        record(other_org, *(f"p-{n}" for n in range(20)))
        plan(other_org)
        assert within(10 if guarded else 2, lambda: len(good.bodies) == 20) is guarded
        assert bad.most_open == share
        released.set()
        thread.join(60)
        assert not thread.is_alive()


def test_slow_mailboxes_of_one_organization_hold_up_no_mail_of_another(
    org: Org, other_org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch, released: threading.Event
) -> None:
    """Two tasks send at a time, and an organization's mails are sent by one of them."""
    from worker import mail

    begun: list[str] = []

    def batch(org_id: str, *_: object) -> bool:
        begun.append(org_id)
        if org_id == org.id:
            released.wait(60)
        return False

    monkeypatch.setattr(mail, "_send_batch", batch)
    monkeypatch.setattr(deliveries, "organizations_with_due_deliveries", lambda *_: [org.id])
    thread = threading.Thread(target=worker.deliver, args=("deliveries.send", "email"))
    thread.start()
    assert within(10, lambda: begun == [org.id])
    monkeypatch.setattr(deliveries, "organizations_with_due_deliveries", lambda *_: [org.id, other_org.id])
    worker.deliver("deliveries.send", "email")
    assert begun == [org.id, other_org.id]
    released.set()
    thread.join(60)


def test_the_mails_that_were_sent_longest_ago_have_the_next_turn(org: Org, other_org: Org) -> None:
    """Also if each task has time for one organization only."""
    from worker import mail

    turns, served = mail.Turns(), []
    for _ in range(4):
        with turns.next_of([org.id, other_org.id]) as first:
            served.append(first)
    assert served[:2] == served[2:]
    assert set(served) == {org.id, other_org.id}


def test_a_message_that_was_sent_and_not_settled_is_sent_again_with_the_same_id(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the sender was killed in between."""
    from worker import webhooks

    with receiver() as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        with monkeypatch.context() as patch:
            patch.setattr(webhooks, "_settle", lambda *_: set())
            send(worker)
        assert states(org) == [("queued", None, None)]
        send(worker)
        assert len(server.bodies) == 1
        with time_machine.travel(clock.now() + timedelta(seconds=61)):
            send(worker)
        assert [headers["webhook-id"] for headers in server.headers] == [str(recorded(org)[-1].id)] * 2
    assert states(org) == [("sent", "delivered", 204)]


def test_messages_whose_settling_fails_are_sent_once_more(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The round ends nevertheless, although more deliveries are due than may be unsettled."""

    def refuse(*_: object) -> None:
        raise psycopg.OperationalError("the connection is lost")

    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(100)))
        plan(org)
        with monkeypatch.context() as patch:
            patch.setattr(worker.database, "note", refuse)
            send(worker)
        assert len(server.bodies) == 100
        assert {row.state for row in rows(org)} == {"queued"}
        with time_machine.travel(clock.now() + timedelta(seconds=61)):
            send(worker)
        assert len(server.bodies) == 200
    assert {row.state for row in rows(org)} == {"sent"}


def test_no_transaction_is_open_during_a_call(org: Org, worker: InProcessWorker) -> None:
    """The round may query for due deliveries meanwhile, so the pool is watched until that is over."""
    free: list[bool] = []
    pool: Any = worker.database.engine.pool

    def look(handler: object, before: int) -> None:
        free.append(within(10, lambda: pool.checkedout() == 0))
        receivers.well(handler, before)  # type: ignore[arg-type]

    with receiver(look) as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        send(worker)
    assert free == [True]


def test_deliveries_of_an_organization_without_training_wait(org: Org, worker: InProcessWorker) -> None:
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, "a")
        plan(org)
        admin = org.client()
        assert admin.put("/v1/availability", json={"enabled": False}).status_code == 200
        worker.deliver("deliveries.plan")
        send(worker)
        assert (server.bodies, len(rows(org))) == ([], 1)
        assert admin.put("/v1/availability", json={"enabled": True}).status_code == 200
        worker.deliver("deliveries.plan")
        send(worker)
        assert sorted(server.sequences) == [2, 3, 4]


def test_the_planning_backlog_of_one_organization_delays_no_other(
    org: Org, other_org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Organizations are planned in turns, and a task whose time is over sends another wake-up."""
    for one in (org, other_org):
        webhook(one, "party.erased")
        record(one, *(f"p-{n}" for n in range(2 * LARGEST_PLAN + 1)))
    turns: list[str] = []

    def noting(db: Session, now: datetime, **options: Any) -> int:
        turns.append(current_org(db))
        return plan_events(db, now, **options)

    monkeypatch.setattr(deliveries, "plan", noting)
    with monkeypatch.context() as hurried:
        hurried.setattr("worker.deliveries.PLANNING_SECONDS", -1)
        worker.deliver("deliveries.plan")
    assert (turns, list(worker.messages)) == ([], [("deliveries.plan", ())])
    worker.drain()
    ours = [org_id for org_id in turns if org_id in (org.id, other_org.id)]
    assert sorted(ours[:2]) == sorted((org.id, other_org.id))
    assert ours == ours[:2] * 3


def test_a_receiver_whose_calls_ran_out_while_it_was_passed_over_is_claimed_for_again(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a slow database: a receiver that has enough claimed when the query starts has none left when it ends."""
    from worker import webhooks

    claim = webhooks._claim

    def slow(org_id: str, full: list[str]) -> object:
        found = claim(org_id, full)
        time.sleep(1.5 if full else 0)
        return found

    monkeypatch.setattr(webhooks, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(webhooks, "_claim", slow)
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        plan(org)
        send(worker)
        assert sorted(server.sequences) == list(range(2, 302))


def test_two_concurrent_senders_send_everything_once(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like two processes, which do not share the lock of this process."""
    from worker import webhooks

    monkeypatch.setattr(webhooks, "_claiming", threading.Semaphore(2))
    with receiver() as server:
        webhook(org, url=server.url)
        record(org, *(f"p-{n}" for n in range(300)))
        plan(org)
        threads = [threading.Thread(target=send, args=(worker,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(server.sequences) == list(range(2, 302))
