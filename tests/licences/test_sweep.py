"""The events of the sweep: each notice and each end exactly once, however late it runs and whatever has changed."""

from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from shared import clock, licences
from shared.events import Event
from shared.licences import Licence, Sweep
from shared.services.sweeps import Step
from tests.assignments.asking import parties
from tests.factories import OPERATOR, Org
from tests.licences.earning import NOON, a_session, grant, held, take_back
from tests.licences.sweeps import DAY, all_of, end, notice, published, put_licences, sweep


def test_each_notice_and_the_end_are_published_once_and_on_their_day(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON})
    found = []
    for days in range(70, -10, -1):
        before = len(published(org))
        sweep(org, NOON - days * DAY)
        found += [(days, one) for one in published(org)[before:]]
    assert found == [(60, notice("a", 60)), (30, notice("a", 30)), (7, notice("a", 7)), (0, end("a"))]


def test_a_second_sweep_publishes_nothing_more(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON, "b": NOON + 20 * DAY})
    assert sweep(org, NOON) is Step.DONE
    once = published(org)
    assert sweep(org, NOON) is Step.DONE
    assert published(org) == once
    assert len(once) == 3 + 1 + 2


def test_a_sweep_40_days_late_publishes_the_same_events(org: Org, other_org: Org, course: str) -> None:
    other_org.with_parties("a")
    other = other_org.with_course()
    put_licences(org, course, {"a": NOON})
    put_licences(other_org, other, {"a": NOON})
    for days in range(70, -40, -1):
        sweep(org, NOON - days * DAY)
    sweep(other_org, NOON + 40 * DAY)
    assert published(other_org) == published(org) == all_of("a")
    with other_org.transaction() as db:
        (lag,) = db.scalars(select(Sweep.lag_seconds))
    assert lag == timedelta(days=100).total_seconds()


def test_superseded_and_revoked_licences_are_not_published(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON}, superseded_at=NOON - 90 * DAY)
    put_licences(org, course, {"b": NOON}, revoked_at=NOON - 90 * DAY)
    put_licences(org, course, {"c": NOON})
    sweep(org, NOON)
    assert {party for _, party, _ in published(org)} == {"c"}


def correct(org: Org, party: str, expires_at: datetime, now: datetime) -> None:
    """Correct the end of a party's licence at an instant."""
    (licence,) = held(org, party)
    with org.transaction() as db:
        one = licences.locked(db, licence.id, None)
        licences.correct(db, one, {"expires_at": expires_at}, "x", OPERATOR, now)


LEFT = {
    100: [60, 30, 7, 0],
    61: [60, 30, 7, 0],
    60: [60, 30, 7, 0],
    45: [60, 30, 7, 0],
    30: [30, 7, 0],
    29: [30, 7, 0],
    7: [7, 0],
    3: [7, 0],
    0: [0],
    -5: [0],
}
"""Days left when the end was corrected: the notices that are published then and later. 0 stands for the end itself."""

FORMER = {"nothing": 300, "sixty": 50, "all": 5, "ended": -1}
"""The notices that the sweep has published of the former end, and how many days that end lay ahead."""


def test_a_corrected_end_gets_the_one_notice_that_still_helps_and_the_later_ones(org: Org, course: str) -> None:
    """Whatever was published of the former end: a licence extended after its last notice expired without a word."""
    ends = {f"{told}-{left}": NOON + days * DAY for told, days in FORMER.items() for left in LEFT}
    org.with_parties(*ends)
    put_licences(org, course, ends)
    sweep(org, NOON)
    before = len(published(org))
    for party in ends:
        correct(org, party, NOON + int(party.partition("-")[2]) * DAY, NOON)
    for day in sorted({0, *(left - days for left in LEFT for days in (60, 30, 7, 0) if left >= days)}):
        sweep(org, NOON + day * DAY)
    found: dict[str, list[int]] = {party: [] for party in ends}
    for _, party, days_before in published(org)[before:]:
        found[party].append(days_before or 0)
    expected = {party: LEFT[int(party.partition("-")[2])] for party in ends}
    expected |= {"ended-0": [], "ended--5": []}  # the end was published, and the new one is not later than that
    assert found == expected


@pytest.mark.parametrize(("days", "expected"), [(5, []), (31, [30, 7]), (30, [7]), (61, [60, 30, 7])])
def test_a_short_licence_gets_no_notice_whose_day_was_before_its_grant(
    org: Org, course: str, days: int, expected: list[int]
) -> None:
    """A licence of a month got the notice of 60 days at once. The mail about the grant tells the end."""
    put_licences(org, course, {"a": NOON}, granted_at=NOON - days * DAY)
    for left in (days, 60, 30, 7, 0):
        if left <= days:
            sweep(org, NOON - left * DAY)
    assert published(org) == [*(notice("a", one) for one in expected), end("a")]


def test_a_published_end_that_is_moved_is_published_again(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON})
    sweep(org, NOON)
    (licence,) = held(org, "a")
    later = clock.now() + 100 * DAY
    body = {"expiresAt": later.isoformat(), "reason": "x"}
    assert org.client().patch(f"/v1/licences/{licence.id}", json=body).status_code == 200
    sweep(org, later - DAY)
    assert published(org).count(end("a")) == 1
    sweep(org, later)
    assert published(org).count(end("a")) == 2


def test_a_published_end_corrected_to_a_later_past_instant_is_published_again(org: Org, course: str) -> None:
    """Otherwise a reader of the events would keep the wrong end."""
    put_licences(org, course, {"a": NOON})
    sweep(org, NOON + DAY)
    (licence,) = held(org, "a")
    corrected = {"expires_at": NOON + 10 * DAY}
    with org.transaction() as db:
        one = licences.locked(db, licence.id, None)
        licences.correct(db, one, corrected, "x", OPERATOR, NOON + 20 * DAY)
    for _ in range(2):
        sweep(org, NOON + 20 * DAY)
    assert published(org).count(end("a")) == 2


def test_a_licence_that_counts_again_is_published_again(org: Org, course: str) -> None:
    put_licences(org, course, {"a": NOON}, superseded_at=NOON - 90 * DAY)
    sweep(org, NOON - 60 * DAY)
    assert published(org) == []
    with org.transaction() as db:
        db.execute(update(Licence).where(Licence.org_id == org.id).values(superseded_at=None))
    sweep(org, NOON - 60 * DAY)
    assert published(org) == [notice("a", 60)]


@pytest.mark.parametrize(("left", "expected"), [(45, [60, 30, 7]), (20, [30, 7]), (3, [7])])
def test_a_restored_licence_gets_the_one_notice_that_still_helps(
    org: Org, course: str, left: int, expected: list[int]
) -> None:
    """The session that renewed it is taken back while so many days are left."""
    put_licences(org, course, {"a": NOON})
    renewing = a_session(org, course, NOON - 90 * DAY)
    grant(org, course, "a", session_id=renewing, at=NOON - 90 * DAY)
    for days in (60, 30, 7):
        if days > left:
            sweep(org, NOON - days * DAY)
    assert published(org) == []
    take_back(org, renewing, "a", at=NOON - left * DAY)
    for days in (left, 30, 7, 0):
        if days <= left:
            sweep(org, NOON - days * DAY)
    assert published(org) == [*(notice("a", one) for one in expected), end("a")]


@pytest.mark.parametrize("number", [2000, pytest.param(10_000, marks=pytest.mark.matrix)])
def test_30_nights_publish_the_events_of_many_licences_on_their_night(org: Org, course: str, number: int) -> None:
    ids = parties(number)
    org.with_parties(*ids)
    ends = {party: NOON + timedelta(hours=7 * n % (24 * 90)) for n, party in enumerate(ids)}
    put_licences(org, course, ends)
    nights = [NOON + n * DAY for n in range(30)]
    expected: list[Counter[tuple[str, int | None]]] = []
    passed: Counter[tuple[str, int | None]] = Counter()
    for night in nights:
        now_passed: Counter[tuple[str, int | None]] = Counter()
        for days in (60, 30, 7):
            now_passed["licence.expiring", days] = sum(one - days * DAY <= night for one in ends.values())
        now_passed["licence.expired", None] = sum(one <= night for one in ends.values())
        expected.append(now_passed - passed)
        passed = now_passed
    for night in nights:
        sweep(org, night)
    with org.transaction() as db:
        days_before = Event.data["daysBefore"].as_integer()
        found = db.execute(
            select(Event.recorded_at, Event.type, days_before, func.count())
            .where(Event.type.in_(["licence.expiring", "licence.expired"]))
            .group_by(Event.recorded_at, Event.type, days_before)
        ).all()
    counted: dict[datetime, Counter[tuple[str, int | None]]] = {night: Counter() for night in nights}
    for night, kind, days, number in found:
        counted[night][kind, days] = number
    assert [counted[night] for night in nights] == expected
    assert len(set(published(org))) == len(published(org))
