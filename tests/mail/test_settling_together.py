"""The mails of several connections are settled in one transaction, and every waiting thread gets the result."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import pytest

from shared import clock, deliveries
from shared.deliveries import Channel, Claimed, DeliveryCode, DeliveryState, Settled
from tests.deliveries.receiving import claim
from tests.drain import InProcessWorker
from tests.mail.correspondence import ADA, BOB, Correspondence

SENT = Settled(DeliveryState.SENT, DeliveryCode.DELIVERED, 250)


def claimed(mails: Correspondence) -> list[Claimed]:
    """Claim two mails."""
    mails.add_parties(ADA, BOB)
    mails.assign("ada", "bob")
    mails.plan()
    return claim(mails.org, channel=Channel.EMAIL)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """Call `happens` while the first result waits for others."""

    class Time:
        """Replaces the module `time`: its `sleep` calls `happens`."""

        @staticmethod
        def sleep(_: float) -> None:
            happens()

    monkeypatch.setattr("worker.settling.time", Time)


def test_results_that_arrive_soon_after_another_are_settled_with_it(
    mails: Correspondence, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.settling import settled_together

    first, second = claimed(mails)
    transactions: list[int] = []
    done: list[Future[None]] = []

    def settle_soon(database: object, org_id: str, results: Mapping[Claimed, Settled], now: object) -> None:
        transactions.append(len(results))
        deliveries.settle_all(db, results, clock.now())

    with monkeypatch.context() as patch, mails.org.transaction() as db:
        patch.setattr(deliveries, "settle_soon", settle_soon)
        with settled_together(worker.database, mails.org.id) as results:
            meanwhile(patch, lambda: done.append(results.settle({second: SENT})))
            done.append(results.settle({first: SENT}))
            assert [one.result(10) for one in done] == [None, None]
    assert transactions == [2]
    assert {state for _, state, _ in mails.states()} == {"sent"}


def test_a_single_result_is_settled_after_a_moment_and_the_last_at_the_end(
    mails: Correspondence, worker: InProcessWorker
) -> None:
    from worker.settling import settled_together

    first, second = claimed(mails)
    with settled_together(worker.database, mails.org.id) as results:
        begun = time.monotonic()
        results.settle({first: SENT}).result(10)
        assert time.monotonic() - begun < 5
        last = results.settle({second: SENT})
    assert last.done()
    assert {state for _, state, _ in mails.states()} == {"sent"}


def test_a_database_error_is_raised_in_every_waiting_thread(
    mails: Correspondence, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from worker.settling import settled_together

    def refuse(*_: object) -> None:
        raise ConnectionError

    first, second = claimed(mails)
    monkeypatch.setattr(deliveries, "settle_soon", refuse)
    with settled_together(worker.database, mails.org.id) as results:
        for one in (results.settle({first: SENT}), results.settle({second: SENT})):
            with pytest.raises(ConnectionError):
                one.result(10)
