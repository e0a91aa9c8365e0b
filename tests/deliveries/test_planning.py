"""The planner: every event becomes one delivery per receiver, even if it is planned twice or by two planners."""

import re
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, literal, select, update

from shared import clock, deliveries
from shared.deliveries import Columns
from shared.events.models import EventConsumer
from tests.deliveries.receiving import plan, record, rows, webhook
from tests.factories import Org, count_statements


def planned(org: Org) -> list[tuple[str, str, int]]:
    return [(row.channel, row.receiver, row.sequence) for row in rows(org)]


def test_each_event_becomes_one_delivery_per_webhook(org: Org) -> None:
    first, second = webhook(org), webhook(org)
    record(org, "a", "b")
    assert plan(org) == 3  # the first event, of the organization itself, was before the webhooks
    assert planned(org) == [("webhook", receiver, n) for receiver in (first, second) for n in (2, 3)]
    assert plan(org) == 0
    record(org, "c")
    assert plan(org) == 1
    assert planned(org) == [("webhook", receiver, n) for receiver in (first, second) for n in (2, 3, 4)]


def test_a_webhook_gets_only_the_event_types_it_asked_for(org: Org) -> None:
    wants = webhook(org, "party.changed", "party.moved")
    record(org, "a", type="party.created")
    record(org, "b", type="party.changed")
    plan(org)
    assert planned(org) == [("webhook", wants, 3)]


def test_a_webhook_gets_no_events_from_before_its_creation_or_while_disabled(org: Org) -> None:
    record(org, "a")
    webhook(org, removed_at=clock.now())
    webhook(org, disabled_at=clock.now())
    late = webhook(org)
    record(org, "b")
    plan(org)
    assert planned(org) == [("webhook", late, 3)]


def test_a_delivery_has_the_party_and_the_job_of_its_event(org: Org) -> None:
    webhook(org)
    job_id = "01990000-0000-7000-8000-000000000001"
    record(org, "a", jobId=job_id)
    plan(org)
    (row,) = rows(org)
    assert (row.party_id, str(row.job_id), row.event_type, row.state) == ("a", job_id, "party.changed", "queued")


def test_addressees_are_selected_together_with_the_events(org: Org) -> None:
    """The party that the event is about, or other parties; a party that is selected twice gets one delivery."""
    record(org, "a", type="party.changed")
    record(org, "b", "c", type="party.moved")

    def zoe_twice(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
        rows_of_zoe = select(*columns(literal("z"))).where(meant)
        return rows_of_zoe.union_all(rows_of_zoe).subquery().select()

    plan(org, mailed={"party.changed": deliveries.the_party, "party.moved": zoe_twice})
    assert planned(org) == [("email", "a", 2), ("email", "z", 3), ("email", "z", 4)]
    assert {row.party_id for row in rows(org)} == {"a", "z"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_long_backlog_is_planned_in_batches(org: Org, limit: int) -> None:
    receiver = webhook(org)
    record(org, *"abcd")
    taken = [plan(org, limit=limit) for _ in range(6)]
    assert (sum(taken), max(taken), taken[-1]) == (5, limit, 0)
    assert planned(org) == [("webhook", receiver, n) for n in range(2, 6)]


def test_the_second_of_two_concurrent_planners_does_nothing(org: Org) -> None:
    """It finds the cursor locked."""
    webhook(org)
    plan(org)
    record(org, "a")
    with org.transaction() as db:
        assert deliveries.plan(db, clock.now()) == 1
        assert plan(org) == 0
    assert len(rows(org)) == 1


def test_a_planner_that_crashes_leaves_nothing_behind(org: Org) -> None:
    def plan_and_die() -> None:
        with org.transaction() as db:
            assert deliveries.plan(db, clock.now()) == 2
            raise ZeroDivisionError

    webhook(org)
    record(org, "a")
    with pytest.raises(ZeroDivisionError):
        plan_and_die()
    assert rows(org) == []
    assert plan(org) == 2
    assert len(rows(org)) == 1


def test_an_event_that_is_planned_twice_makes_one_delivery(org: Org) -> None:
    """Even if the cursor is moved back: the unique constraint holds."""
    webhook(org)
    record(org, "a")
    plan(org)
    with org.transaction() as db:
        db.execute(update(EventConsumer).values(last_sequence=0))
    assert plan(org) == 2
    assert len(rows(org)) == 1


def test_events_recorded_during_planning_are_planned_next(org: Org) -> None:
    webhook(org)
    record(org, "a")
    with org.transaction() as db:
        deliveries.plan(db, clock.now())
        record(org, "b")  # planning does not block recording
    assert plan(org) == 1
    assert [row.sequence for row in rows(org)] == [2, 3]


def test_planning_takes_the_same_statements_for_any_number_of_events(org: Org) -> None:
    webhook(org)
    plan(org)
    sent = []
    for size in (10, 500):
        record(org, *(f"p-{n}" for n in range(size)))
        with count_statements(org.parts.database.engine) as counted:
            plan(org)
        sent.append(counted.sent)
    assert sent[0] == sent[1]
    assert len(sent[0]) < 8


def test_events_are_read_once_for_all_types_with_the_same_addressees(org: Org) -> None:
    """One select per type joined the events with themselves, which cost the square of their number."""
    from worker import notices  # reads the environment, so not before it is set

    record(org, "a")
    with count_statements(org.parts.database.engine) as counted:
        plan(org, mailed=notices.MAILED)
    (planning,) = (statement for statement in counted.sent if statement.startswith("INSERT INTO delivery"))
    reads = re.findall(r"(?<!DISTINCT )FROM event\b", planning)
    assert len(reads) == 1 + len(set(notices.MAILED.values())) == 6
