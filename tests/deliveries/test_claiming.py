"""Claiming and settling: one sender holds a delivery at a time; unsettled ones are due again after their leases."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from shared import clock, deliveries
from shared.deliveries import Channel, Claimed, Delivery, DeliveryCode, DeliveryState, Settled
from shared.deliveries.work import MOST_ATTEMPTS, TRIED_FOR
from tests.deliveries.receiving import claim, plan, record, rows, webhook
from tests.factories import Org, count_statements

SENT = Settled(DeliveryState.SENT, DeliveryCode.DELIVERED, 204)


def settle(org: Org, claimed: Claimed, settled: Settled = SENT) -> bool:
    """Settle one delivery. Returns True if its lease was still valid."""
    with org.transaction() as db:
        return deliveries.settle_all(db, {claimed: settled}, clock.now()) == 1


def queued(org: Org, *party_ids: str) -> None:
    """Queue a delivery to a webhook about each party."""
    webhook(org)
    record(org, *party_ids)
    plan(org)


def test_a_claimed_delivery_is_not_claimed_again(org: Org) -> None:
    queued(org, *"abc")
    first, second = claim(org, limit=2), claim(org)
    assert sorted(one.sequence for one in (*first, *second)) == [2, 3, 4]
    assert claim(org) == []
    assert {one.attempts for one in first} == {1}


def test_two_concurrent_claims_share_the_deliveries(org: Org) -> None:
    """Neither claim waits for the other's transaction."""
    queued(org, *"abcd")
    with org.transaction() as db:
        first = deliveries.claim(db, Channel.WEBHOOK, clock.now(), 2, 60)
        second = claim(org)
    assert (len(first), len(second)) == (2, 2)
    assert not {one.id for one in first} & {one.id for one in second}


def test_an_unsettled_delivery_is_claimed_again_after_its_lease_and_only_the_later_claim_counts(org: Org) -> None:
    queued(org, "a")
    (dead,) = claim(org, lease=30)
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        (alive,) = claim(org)
        assert (alive.id, alive.attempts) == (dead.id, 2)
        assert not settle(org, dead, Settled(DeliveryState.DEAD, DeliveryCode.HTTP_ERROR, 500))
        assert settle(org, alive)
        assert not settle(org, alive)
    (row,) = rows(org)
    assert (row.state, row.code, row.status, row.attempts, row.leased_until) == ("sent", "delivered", 204, 2, None)
    assert row.settled_at is not None


def test_a_delivery_that_was_suppressed_after_its_lease_stays_suppressed(org: Org) -> None:
    """For example, the webhook is removed while the sender is frozen."""
    queued(org, "a")
    (late,) = claim(org, lease=30)
    with org.transaction() as db:
        db.execute(update(Delivery).values(state="suppressed", code="webhook-removed"))
    assert not settle(org, late)
    assert [(row.state, row.code) for row in rows(org)] == [("suppressed", "webhook-removed")]


def test_settling_looks_up_its_deliveries_by_id_and_not_the_backlog(org: Org) -> None:
    """Even if PostgreSQL has no statistics and expects a row or two to be queued."""
    queued(org, *(f"p-{n}" for n in range(300)))
    claimed = claim(org, limit=50)
    with org.transaction() as db:
        db.connection()
        with count_statements(org.parts.database.engine) as counted:
            assert deliveries.settle_all(db, dict.fromkeys(claimed, SENT), clock.now()) == 50
        explained = db.connection().exec_driver_sql(f"EXPLAIN {counted.sent[-1]}", counted.parameters[-1])
        plan_of_it = "\n".join(explained.scalars())
    assert counted.count == 1
    (condition,) = re.findall("Index Cond: .*", plan_of_it)
    assert "id = ANY" in condition, plan_of_it
    for never in ("Seq Scan", "Nested Loop", "Join"):
        assert never not in plan_of_it, plan_of_it


def test_a_failed_delivery_is_due_after_its_pause_and_not_before(org: Org) -> None:
    queued(org, "a")
    (claimed,) = claim(org)
    failed = deliveries.retry_later(claimed, DeliveryCode.HTTP_ERROR, clock.now(), status=500)
    assert settle(org, claimed, failed)
    assert claim(org) == []
    with time_machine.travel(clock.now() + timedelta(seconds=7)):
        (second,) = claim(org)
    assert (second.id, second.attempts) == (claimed.id, 2)
    (row,) = rows(org)
    assert (row.state, row.code, row.status, row.settled_at) == ("queued", "http-error", 500, None)


def test_pauses_grow_for_three_days_and_then_the_delivery_is_dead(org: Org) -> None:
    queued(org, "a")
    began = clock.now()
    now, pauses = began, []
    for _ in range(MOST_ATTEMPTS):
        with time_machine.travel(now, tick=False):
            (claimed,) = claim(org)
            settled = deliveries.retry_later(claimed, DeliveryCode.TIMED_OUT, clock.now())
            settle(org, claimed, settled)
        if settled.next_attempt_at is None:
            break
        pauses.append(settled.next_attempt_at - now)
        now = settled.next_attempt_at
    assert settled == Settled(DeliveryState.DEAD, DeliveryCode.TIMED_OUT)
    assert timedelta(seconds=4) <= pauses[0] <= timedelta(seconds=6)
    assert timedelta(hours=6) <= max(pauses) <= timedelta(hours=10)
    assert 12 <= len(pauses) <= 22
    assert TRIED_FOR - timedelta(hours=10) < now - began <= TRIED_FOR
    assert [row.state for row in rows(org)] == ["dead"]


def test_pauses_are_random(org: Org) -> None:
    queued(org, "a")
    (claimed,) = claim(org)
    now = clock.now()
    assert len({deliveries.retry_later(claimed, DeliveryCode.TIMED_OUT, now).next_attempt_at for _ in range(20)}) > 10


def test_a_delivery_that_kills_every_sender_is_given_up(org: Org) -> None:
    """It is attempted again and again and never settled."""
    queued(org, "a", "b")
    with org.transaction() as db:
        first = Delivery.sequence == 2
        db.execute(update(Delivery).where(first).values(attempts=MOST_ATTEMPTS))
    assert [one.sequence for one in claim(org)] == [3]
    assert [(row.state, row.code) for row in rows(org)] == [("dead", "given-up"), ("queued", None)]


def test_a_released_delivery_is_due_at_once_and_its_attempt_does_not_count(org: Org) -> None:
    queued(org, "a", "b")
    kept, given = claim(org)
    with org.transaction() as db:
        deliveries.release(db, [given])
    (back,) = claim(org)
    assert (back.id, back.attempts) == (given.id, 1)
    assert not settle(org, given)
    assert settle(org, kept)


def test_deliveries_of_one_job_and_party_are_claimed_together(org: Org) -> None:
    """Even beyond the limit, because they make one mail."""
    jobs = [f"01990000-0000-7000-8000-00000000000{n}" for n in range(2)]
    mailed = {"party.changed": deliveries.the_party}
    for party_id, about in (("a", jobs[0]), ("b", jobs[0]), ("a", jobs[1]), ("a", jobs[0]), ("a", None)):
        record(org, party_id, **({} if about is None else {"jobId": about}))
        plan(org, mailed=mailed)
    first = claim(org, channel=Channel.EMAIL, limit=1)
    assert [(one.receiver, one.sequence) for one in first] == [("a", 2), ("a", 5)]
    rest = claim(org, channel=Channel.EMAIL)
    assert [(one.receiver, one.sequence) for one in rest] == [("b", 3), ("a", 4), ("a", 6)]


def test_a_delivery_of_the_same_party_and_of_another_claimed_job_is_claimed_later(org: Org) -> None:
    jobs = [f"01990000-0000-7000-8000-00000000000{n}" for n in range(2)]
    for party_id, about in (("a", jobs[0]), ("b", jobs[1]), ("b", jobs[0]), ("a", jobs[0])):
        record(org, party_id, jobId=about)
        plan(org, mailed={"party.changed": deliveries.the_party})
    assert [one.sequence for one in claim(org, channel=Channel.EMAIL, limit=2)] == [2, 3, 5]
    assert [one.sequence for one in claim(org, channel=Channel.EMAIL)] == [4]


@pytest.mark.parametrize("channel", Channel)
def test_an_organization_is_listed_while_it_has_deliveries_due(org: Org, channel: Channel) -> None:
    def named(of: Channel) -> bool:
        with org.parts.database.transaction(None) as db:
            return org.id in deliveries.organizations_with_due_deliveries(db, of, clock.now())

    webhook(org)
    record(org, "a")
    assert not named(channel)
    plan(org, mailed={"party.changed": deliveries.the_party})
    assert named(channel)
    claim(org, channel=channel)
    assert not named(channel)
    assert [named(other) for other in Channel if other != channel] == [True]


def test_a_release_leaves_a_delivery_that_another_sender_has_claimed_since(org: Org) -> None:
    queued(org, "a")
    (late,) = claim(org, lease=30)
    with time_machine.travel(clock.now() + timedelta(seconds=31)):
        (current,) = claim(org)
        with org.transaction() as db:
            deliveries.release(db, [late])
        assert claim(org) == []
        assert settle(org, current)
