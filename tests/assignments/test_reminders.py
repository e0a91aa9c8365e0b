"""Reminders of open assignments: on the right day in the organization's zone, and once."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest
import time_machine
from fastapi import FastAPI

from api.http.parts import Parts
from shared import access, clock
from shared.assignments import remind
from tests.assignments.asking import assign, body, parties
from tests.drain import InProcessWorker
from tests.factories import OPERATOR, Org, add_org, count_statements
from tests.feed import recorded

DUE = date(2026, 6, 30)
MADE = "2026-06-01T09:00:00Z"
TYPES = ("assignment.due_soon", "assignment.overdue")


def given(org: Org, worker: InProcessWorker, *party_ids: str, made: str = MADE, due_on: date = DUE) -> str:
    """Assigns a course with a due date to parties. Returns the id of one of the assignments."""
    with time_machine.travel(made, tick=False):
        org.with_parties(*party_ids)
        job = assign(org, worker, body(org.with_course(), *party_ids, dueOn=due_on.isoformat()))
        found: str = org.client().get("/v1/assignments", params={"jobId": job["id"]}).json()["items"][0]["id"]
        return found


def sweep(worker: InProcessWorker, org: Org, at: str) -> None:
    """Sweeps the reminders of an organization at this instant."""
    with time_machine.travel(at, tick=False):
        worker.send("assignments.remind_organization", org.id)
        worker.drain()


def told(org: Org) -> list[tuple[str, int]]:
    """The reminders so far: `due_soon` with the days left, `overdue` with the days since the due date."""
    return [
        (event.type.removeprefix("assignment."), event.data["daysLeft" if event.type == TYPES[0] else "daysOver"])
        for event in recorded(org, *TYPES)
    ]


def days(first: date, count: int) -> Iterable[str]:
    """`count` days from `first` on, each at noon in UTC."""
    return (f"{first + timedelta(days=n)}T12:00:00Z" for n in range(count))


def test_each_reminder_is_sent_once_on_its_day(org: Org, worker: InProcessWorker) -> None:
    assignment_id = given(org, worker, "party-1")
    found: dict[str, list[tuple[str, int]]] = {}
    for at in days(date(2026, 6, 1), 75):
        before = len(told(org))
        sweep(worker, org, at)
        sweep(worker, org, at)
        found[at[5:10]] = told(org)[before:]
    assert {day: now for day, now in found.items() if now} == {
        "06-23": [("due_soon", 7)],
        "06-29": [("due_soon", 1)],
        "07-01": [("overdue", 1)],
        "07-07": [("overdue", 7)],
        "07-30": [("overdue", 30)],
    }
    event = recorded(org, *TYPES)[0]
    assert (event.subject, event.party_id) == (f"assignment/{assignment_id}", "party-1")
    assert event.data["dueOn"] == "2026-06-30"
    assert set(event.data) == {"courseId", "courseVersionId", "dueOn", "daysLeft"}


def test_a_late_sweep_sends_only_the_latest_reminder(org: Org, worker: InProcessWorker) -> None:
    given(org, worker, "party-1")
    sweep(worker, org, "2026-07-09T12:00:00Z")  # two days after the day of the fourth reminder, 7 July
    assert told(org) == [("overdue", 9)]
    sweep(worker, org, "2026-07-30T12:00:00Z")
    assert told(org) == [("overdue", 9), ("overdue", 30)]


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        ("Pacific/Auckland", "2026-06-22T11:59:00Z", "2026-06-22T12:00:00Z"),
        ("America/Los_Angeles", "2026-06-23T06:59:00Z", "2026-06-23T07:00:00Z"),
    ],
)
def test_the_day_of_a_reminder_begins_at_midnight_in_the_organizations_zone(
    app: FastAPI, parts: Parts, worker: InProcessWorker, zone: str, before: str, after: str
) -> None:
    org = add_org(app, parts, time_zone=zone)
    given(org, worker, "party-1")
    sweep(worker, org, before)
    assert told(org) == []
    sweep(worker, org, after)
    assert told(org) == [("due_soon", 7)]


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (date(2026, 6, 30), [("overdue", 1), ("overdue", 7)]),
        (date(2026, 7, 1), [("overdue", 1), ("overdue", 7)]),
        (date(2026, 7, 2), [("due_soon", 1), ("overdue", 1)]),
        (date(2026, 7, 7), [("due_soon", 1), ("overdue", 1)]),
        (date(2026, 7, 8), [("due_soon", 7), ("due_soon", 1)]),
    ],
)
def test_an_assignment_made_on_the_day_of_a_reminder_or_later_skips_it(
    org: Org, worker: InProcessWorker, due: date, expected: list[tuple[str, int]]
) -> None:
    """The notice about the new assignment states the due date already."""
    given(org, worker, "party-1", made="2026-06-30T09:00:00Z", due_on=due)
    for at in days(date(2026, 6, 30), 9):
        sweep(worker, org, at)
    assert told(org) == expected


def test_a_completed_closed_or_reassigned_assignment_gets_no_reminder(org: Org, worker: InProcessWorker) -> None:
    client = org.client()
    ended = {what: given(org, worker, f"party-{what}") for what in ("complete", "close", "reassign")}
    with time_machine.travel("2026-06-20T12:00:00Z", tick=False):
        org.with_parties("party-2")
        for what, assignment_id in ended.items():
            extra = {"reassign": {"recipient": {"entityType": "party", "entityId": "party-2"}}}.get(what, {})
            asked = {} if what == "complete" else {"reason": "No longer needed", **extra}
            answer = client.post(f"/v1/assignments/{assignment_id}/{what}", json=asked)
            assert answer.status_code == 200, answer.text
    sweep(worker, org, "2026-06-23T12:00:00Z")
    assert [event.party_id for event in recorded(org, *TYPES)] == ["party-2"]  # the party that has it now
    with time_machine.travel("2026-06-24T12:00:00Z", tick=False):
        client.post(f"/v1/assignments/{ended['close']}/reopen", json={"reason": "Needed after all"})
    sweep(worker, org, "2026-06-24T13:00:00Z")
    assert [event.party_id for event in recorded(org, *TYPES)] == ["party-2", "party-close"]


def test_a_changed_due_date_gets_its_reminders_from_the_beginning(org: Org, worker: InProcessWorker) -> None:
    assignment_id = given(org, worker, "party-1")
    sweep(worker, org, "2026-07-01T12:00:00Z")
    with time_machine.travel("2026-07-02T12:00:00Z", tick=False):
        changed = org.client().patch(f"/v1/assignments/{assignment_id}", json={"dueOn": "2026-07-31"})
        assert changed.status_code == 200, changed.text
    for at in days(date(2026, 7, 2), 30):
        sweep(worker, org, at)
    assert told(org) == [("overdue", 1), ("due_soon", 7), ("due_soon", 1)]
    with time_machine.travel("2026-08-02T12:00:00Z", tick=False):
        for asked in (
            {"dueOn": "2026-08-05"},
            {"reason": "Said better"},
        ):  # the second edit leaves the due date as it is
            org.client().patch(f"/v1/assignments/{assignment_id}", json=asked)
            sweep(worker, org, "2026-08-02T13:00:00Z")
    assert told(org)[3:] == [("due_soon", 3)]


def test_an_organization_without_training_gets_one_reminder_when_it_is_enabled_again(
    org: Org, worker: InProcessWorker
) -> None:
    given(org, worker, *parties(3))
    for enabled in (False, True):
        with org.transaction() as db:
            access.enable(db, training=enabled, actor=OPERATOR, now=clock.now())
        sweep(worker, org, "2026-08-15T12:00:00Z")
        assert told(org) == ([("overdue", 46)] * 3 if enabled else [])
    sweep(worker, org, "2026-08-20T12:00:00Z")
    assert len(told(org)) == 3


def test_the_periodic_task_sweeps_every_organization(org: Org, other_org: Org, worker: InProcessWorker) -> None:
    given(org, worker, "party-1")
    given(other_org, worker, "party-1")
    with time_machine.travel("2026-06-23T12:00:00Z", tick=False):
        worker.send("assignments.remind")
        worker.drain()
    assert (told(org), told(other_org)) == ([("due_soon", 7)], [("due_soon", 7)])


def test_two_sweeps_at_once_send_each_reminder_once(org: Org, worker: InProcessWorker) -> None:
    given(org, worker, *parties(20))
    now = clock.now()
    with org.transaction() as first:
        assert remind(first, "UTC", date(2026, 6, 23), now).recorded == 20
        with org.transaction() as second:
            assert remind(second, "UTC", date(2026, 6, 23), now).found == 0
    assert told(org) == [("due_soon", 7)] * 20


def test_a_full_batch_wakes_the_next_one(org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    given(org, worker, *parties(25))
    monkeypatch.setattr("shared.assignments.reminders.REMINDER_BATCH", 10)
    monkeypatch.setattr("shared.assignments.REMINDER_BATCH", 10)
    sweep(worker, org, "2026-06-23T12:00:00Z")
    assert len(told(org)) == 25


def test_a_batch_of_any_size_takes_the_same_statements(org: Org, worker: InProcessWorker) -> None:
    found = []
    for n, size in enumerate((10, 500)):
        given(org, worker, *parties(size, first=n * 1000))
        with count_statements(org.parts.database.engine) as counted, org.transaction() as db:
            assert remind(db, "UTC", date(2026, 6, 23), clock.now()).recorded == size
        found.append(counted.sent)
    assert found[0] == found[1]
    assert len(found[0]) <= 5
