"""Several receivers are settled together: all of their rows are locked before the event counter is."""

from sqlalchemy import text

from shared import clock, deliveries, events
from shared.deliveries import Call, DeliveryCode, Message, Reply
from tests.deliveries.receiving import claim, plan, record, webhook
from tests.factories import Org
from tests.racing import blocked


def test_no_webhook_is_waited_for_while_the_event_counter_is_held(org: Org) -> None:
    """Both receivers answer 410, which disables them and records an event for each."""
    first, second = sorted(webhook(org) for _ in range(2))
    record(org, "party-1", "party-2")
    plan(org)
    replies: list[tuple[Call, Reply]] = []
    for one in claim(org):
        call = Call(one, Message("http://127.0.0.1:9/", "id", b"{}", []), probes=False)
        # the second receiver took one message too, so counting failures alone does not lock it
        took = one.receiver == second and not any(call.claimed.receiver == second for call, _ in replies)
        replies.append((call, Reply(DeliveryCode.DELIVERED, 204) if took else Reply(DeliveryCode.GONE, 410)))
    with org.transaction() as holder:
        holder.execute(text("SELECT FROM webhook WHERE id = cast(:id AS uuid) FOR UPDATE"), {"id": second})
        with blocked(org, lambda db: deliveries.settle_calls(db, replies, clock.now())) as settling:
            with org.transaction() as other:
                events.lock_counter(other)  # free: would fail after its lock timeout
            holder.rollback()
            settling.result(30)
    assert first < second
