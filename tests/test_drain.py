"""The worker inside the test (`drain.py`) serves the organizations of the test's own file, and no others.

Without that, what other files leave in the shared database decides whether a test passes. A sender that may have 32
replies unsettled had 32 of an organization of another file, so it called no receiver of its own.
"""

from datetime import UTC, datetime

import pytest

from shared import events
from shared.deliveries import PLANNER
from shared.events import STREAM_RELAY
from tests.deliveries.receiving import plan, record, states, webhook
from tests.drain import InProcessWorker
from tests.factories import OF_THIS_FILE, Org
from tests.jobs.steps import CHUNK, submit

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def position(org: Org, reader: str) -> int:
    """Returns the number of the last event that a reader has read."""
    with org.transaction() as db:
        return events.position(db, reader)


@pytest.fixture
def of_another_file(other_org: Org) -> Org:
    """An organization that another file has created, with work for every task."""
    webhook(other_org)
    record(other_org, "party-1")
    plan(other_org)
    record(other_org, "party-2")
    submit(other_org, CHUNK, at=LONG_AGO)
    OF_THIS_FILE.discard(other_org.id)
    return other_org


def test_no_delivery_of_another_file_is_sent(org: Org, of_another_file: Org, worker: InProcessWorker) -> None:
    webhook(org)
    record(org, "party-1")
    plan(org)
    worker.deliver("deliveries.send", "webhook")
    assert (states(org), states(of_another_file)) == ([("queued", "address-refused", None)], [("queued", None, None)])


@pytest.mark.parametrize(
    ("task", "reader"), [("deliveries.plan", PLANNER), ("events.publish", STREAM_RELAY), ("events.seal", None)]
)
def test_no_event_of_another_file_is_read(
    org: Org, of_another_file: Org, worker: InProcessWorker, task: str, reader: str | None
) -> None:
    def read(one: Org) -> int:
        if reader is not None:
            return position(one, reader)
        with one.transaction() as db:
            return events.sealed_head(db).sequence

    before = read(of_another_file)
    worker.deliver(task)
    assert read(org) > 0
    assert read(of_another_file) == before


def test_no_job_of_another_file_is_rescued(org: Org, of_another_file: Org, worker: InProcessWorker) -> None:
    submit(org, CHUNK, at=LONG_AGO)
    worker.deliver("jobs.rescue")
    assert list(worker.messages) == [("jobs.run", (org.id,))]
