"""The sweep assigns courses again: to the holders of licences that end soon, once per licence."""

from datetime import date, timedelta

from sqlalchemy import func, select

from shared.assignments import Assignment
from shared.licences import Sweep
from tests.assignments.asking import deactivate
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.licences.earning import NOON
from tests.licences.sweeps import DAY, put_licences, sweep


def renewals(org: Org) -> dict[str, tuple[str, date | None]]:
    """Returns the reason and due date of each assignment by the sweep, by party."""
    with org.transaction() as db:
        found = db.scalars(select(Assignment).where(Assignment.assigned_by_id == "sweep"))
        return {one.party_id: (one.reason, one.due_on) for one in found}


def test_the_sweep_assigns_a_course_once_per_licence_that_ends_soon(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a", "b", "c", "d")
    course = org.with_course(renewBeforeDays=45)
    newer = org.publish(course, "v2")
    put_licences(org, course, {"a": NOON + 45 * DAY, "b": NOON + 46 * DAY, "c": NOON - DAY, "d": NOON})
    deactivate(org, "d")
    for _ in range(2):
        sweep(org, NOON)
        worker.drain(org.id)
    reason = "Renewal: the licence ends within 45 days"
    assert renewals(org) == {"a": (reason, (NOON + 45 * DAY).date()), "c": (reason, NOON.date())}
    with org.transaction() as db:
        assert set(map(str, db.scalars(select(Assignment.course_version_id)))) == {newer}
        assert sorted(db.scalars(select(Sweep.renewals))) == [0, 2]
    sweep(org, NOON + DAY)
    worker.drain(org.id)
    assert set(renewals(org)) == {"a", "b", "c"}
    with org.transaction() as db:
        assert db.scalar(select(func.count()).select_from(Assignment)) == 3


def test_the_sweep_does_not_assign_a_course_whose_licence_ended_more_than_366_days_ago(
    org: Org, worker: InProcessWorker
) -> None:
    org.with_parties("a", "b")
    course = org.with_course(renewBeforeDays=45)
    put_licences(org, course, {"a": NOON - 366 * DAY, "b": NOON - 366 * DAY + timedelta(seconds=1)})
    sweep(org, NOON)
    worker.drain(org.id)
    assert set(renewals(org)) == {"b"}


def test_the_sweep_does_not_assign_an_archived_course(org: Org, worker: InProcessWorker) -> None:
    org.with_parties("a")
    course = org.with_course(renewBeforeDays=45)
    put_licences(org, course, {"a": NOON})
    assert org.client().post(f"/v1/courses/{course}/archive").status_code == 200
    sweep(org, NOON)
    worker.drain(org.id)
    assert renewals(org) == {}
