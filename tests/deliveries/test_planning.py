"""The planner: every event becomes one delivery for each receiver that it concerns, whoever plans it and how often."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement, Select, literal, select, update

from shared import clock, deliveries
from shared.deliveries import Columns
from shared.events.models import EventConsumer
from tests.deliveries.receiving import plan, record, rows, webhook
from tests.factories import Org, count_statements


def told(org: Org) -> list[tuple[str, str, int]]:
    return [(row.channel, row.receiver, row.sequence) for row in rows(org)]


def test_each_webhook_is_told_of_each_event_once(org: Org) -> None:
    first, second = webhook(org), webhook(org)
    record(org, "a", "b")
    assert plan(org) == 3  # the organization's own first event is nobody's business
    assert told(org) == [("webhook", receiver, n) for receiver in (first, second) for n in (2, 3)]
    assert plan(org) == 0
    record(org, "c")
    assert plan(org) == 1
    assert told(org) == [("webhook", receiver, n) for receiver in (first, second) for n in (2, 3, 4)]


def test_a_webhook_is_told_of_the_types_it_asked_for(org: Org) -> None:
    wants = webhook(org, "party.changed", "party.moved")
    record(org, "a", type="party.created")
    record(org, "b", type="party.changed")
    plan(org)
    assert told(org) == [("webhook", wants, 3)]


def test_a_webhook_hears_nothing_of_the_time_before_it_or_while_it_is_off(org: Org) -> None:
    record(org, "a")
    webhook(org, removed_at=clock.now())
    webhook(org, disabled_at=clock.now())
    late = webhook(org)
    record(org, "b")
    plan(org)
    assert told(org) == [("webhook", late, 3)]


def test_a_delivery_says_whom_and_which_job_it_is_about(org: Org) -> None:
    webhook(org)
    job_id = "01990000-0000-7000-8000-000000000001"
    record(org, "a", jobId=job_id)
    plan(org)
    (row,) = rows(org)
    assert (row.party_id, str(row.job_id), row.event_type, row.state) == ("a", job_id, "party.changed", "queued")


def test_who_is_written_to_is_selected_with_the_events(org: Org) -> None:
    """By default the party that the event is about; or whoever is selected, twice or not."""
    record(org, "a", type="party.changed")
    record(org, "b", "c", type="party.moved")

    def zoe_twice(columns: Columns, meant: ColumnElement[bool]) -> Select[Any]:
        told = select(*columns(literal("z"))).where(meant)
        return told.union_all(told).subquery().select()

    plan(org, mailed={"party.changed": deliveries.the_party, "party.moved": zoe_twice})
    assert told(org) == [("email", "a", 2), ("email", "z", 3), ("email", "z", 4)]
    assert {row.party_id for row in rows(org)} == {"a", "z"}


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_long_backlog_is_planned_in_pieces(org: Org, limit: int) -> None:
    receiver = webhook(org)
    record(org, *"abcd")
    taken = [plan(org, limit=limit) for _ in range(6)]
    assert (sum(taken), max(taken), taken[-1]) == (5, limit, 0)
    assert told(org) == [("webhook", receiver, n) for n in range(2, 6)]


def test_two_planners_at_once(org: Org) -> None:
    """The second finds another at it, and does nothing."""
    webhook(org)
    plan(org)
    record(org, "a")
    with org.transaction() as db:
        assert deliveries.plan(db, clock.now()) == 1
        assert plan(org) == 0
    assert len(rows(org)) == 1


def test_a_planner_that_dies_has_done_nothing(org: Org) -> None:
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


def test_an_event_that_is_planned_twice_is_one_delivery(org: Org) -> None:
    """Whatever became of the cursor: the constraint holds."""
    webhook(org)
    record(org, "a")
    plan(org)
    with org.transaction() as db:
        db.execute(update(EventConsumer).values(last_sequence=0))
    assert plan(org) == 2
    assert len(rows(org)) == 1


def test_events_recorded_meanwhile_are_planned_next(org: Org) -> None:
    webhook(org)
    record(org, "a")
    with org.transaction() as db:
        deliveries.plan(db, clock.now())
        record(org, "b")  # planning keeps nobody from recording
    assert plan(org) == 1
    assert [row.sequence for row in rows(org)] == [2, 3]


def test_planning_costs_the_same_statements_whatever_there_is(org: Org) -> None:
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


def test_events_are_read_once_for_all_types_that_have_the_same_addressees(org: Org) -> None:
    """Joined with themselves, as they once were, they cost the square of their number until there are statistics."""
    from worker import notices  # reads the environment, so not before it is set

    record(org, "a")
    with count_statements(org.parts.database.engine) as counted:
        plan(org, mailed=notices.MAILED)
    (planning,) = (statement for statement in counted.sent if statement.startswith("INSERT INTO delivery"))
    assert planning.count("FROM event") == 1 + len(set(notices.MAILED.values())) == 4
