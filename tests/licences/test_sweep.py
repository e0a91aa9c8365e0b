"""The sweep: every notice and every end exactly once, however late, often, side by side or broken off it runs."""

import re
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from shared import access, clock, licences
from shared.access import Permission
from shared.assignments import Assignment
from shared.catalogue import Course
from shared.events import Event
from shared.licences import Batch, Licence, LicenceDue, Sweep
from shared.services import sweeps
from shared.services.sweeps import Step
from tests.assignments.asking import deactivate, parties
from tests.drain import Workshop
from tests.factories import OPERATOR, Org, Statements, count_statements
from tests.licences.conftest import Crowd
from tests.licences.earning import NOON, a_session, active_version, held

DAY = timedelta(days=1)
FEATURES = frozenset({"training"})
Told = tuple[str, str, int | None]


def hold(org: Org, course_id: str, ends: dict[str, datetime], **values: object) -> None:
    """Licences, put there, that end then."""
    session_id = a_session(org, course_id)
    with org.transaction() as db:
        same = {
            "org_id": org.id,
            "course_id": uuid.UUID(course_id),
            "course_version_id": active_version(db, course_id),
            "session_id": session_id,
            "granted_by_type": "member",
            "granted_by_id": "member-1",
            "months": 12,
            "rule": "monthsFromGrant",
        }
        rows = [
            same | {"party_id": party, "expires_at": end, "granted_at": end - 365 * DAY} | values
            for party, end in ends.items()
        ]
        db.execute(insert(Licence), rows)


def asked(org: Org, now: datetime) -> uuid.UUID:
    with org.transaction() as db:
        return licences.ask_sweep(db, OPERATOR, now).id


def run(org: Org, now: datetime) -> Step:
    """A sweep at that moment, to its end."""
    asked(org, now)
    while (step := take(org, now)) is Step.MORE:
        pass
    return step


def take(org: Org, now: datetime) -> Step:
    with org.transaction() as db:
        return sweeps.take_step(db, FEATURES, 2, now)


def told(org: Org) -> list[Told]:
    """What the sweep told of, in the order of the events: type, party, days."""
    with org.transaction() as db:
        found = db.scalars(
            select(Event).where(Event.type.in_(["licence.expiring", "licence.expired"])).order_by(Event.sequence)
        ).all()
    return [(event.type, str(event.party_id), event.data.get("daysBefore")) for event in found]


def notice(party: str, days: int) -> Told:
    return "licence.expiring", party, days


def end(party: str) -> Told:
    return "licence.expired", party, None


@pytest.fixture
def course(org: Org) -> str:
    org.with_parties("a", "b", "c")
    return org.with_course()


def test_notices_and_the_end_are_told_on_their_day_and_once(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    found = []
    for days in range(70, -10, -1):
        before = len(told(org))
        run(org, NOON - days * DAY)
        found += [(days, one) for one in told(org)[before:]]
    assert found == [(60, notice("a", 60)), (30, notice("a", 30)), (7, notice("a", 7)), (0, end("a"))]


def test_run_twice_it_says_nothing_more(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON, "b": NOON + 20 * DAY})
    assert run(org, NOON) is Step.DONE
    once = told(org)
    assert run(org, NOON) is Step.DONE
    assert told(org) == once
    assert len(once) == 3 + 1 + 2


def test_40_days_late_it_tells_the_same(org: Org, other_org: Org, course: str) -> None:
    other_org.with_parties("a")
    other = other_org.with_course()
    hold(org, course, {"a": NOON})
    hold(other_org, other, {"a": NOON})
    for days in range(70, -40, -1):
        run(org, NOON - days * DAY)
    run(other_org, NOON + 40 * DAY)
    assert told(other_org) == told(org) == [notice("a", 60), notice("a", 30), notice("a", 7), end("a")]
    with other_org.transaction() as db:
        (lag,) = db.scalars(select(Sweep.lag_seconds))
    assert lag == timedelta(days=100).total_seconds()


def test_three_at_once_tell_everything_once(org: Org, course: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.licences.sweeping.BATCH", 20)
    monkeypatch.setattr("shared.licences.BATCH", 20)
    monkeypatch.setattr("shared.licences.sweep_batch", _of_20)
    ids = parties(200)
    org.with_parties(*ids)
    hold(org, course, dict.fromkeys(ids, NOON))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: run(org, NOON), range(3)))
    with org.transaction() as db:
        assert all(db.scalars(select(Sweep.finished_at))), "the last of them has ended every run"
    counted = Counter(told(org))
    assert set(counted.values()) == {1}
    assert len(counted) == 200 * 4


def _of_20(db: Session, sweep_id: uuid.UUID, now: datetime) -> Batch:
    from shared.licences.sweeping import sweep_batch

    return sweep_batch(db, sweep_id, now, 20)


def test_a_run_that_is_killed_leaves_nothing_half_done(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    asked(org, NOON)
    with org.transaction() as db:
        sweeps.take_step(db, FEATURES, 2, NOON)
        db.rollback()
    assert told(org) == []
    assert take(org, NOON) is Step.DONE
    assert len(told(org)) == 4


def test_a_run_has_not_finished_while_another_holds_what_is_due(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    asked(org, NOON)
    with org.transaction() as db:
        db.execute(select(LicenceDue.licence_id).with_for_update())
        assert take(org, NOON) is Step.WAITS
    with org.transaction() as db:
        assert db.scalar(select(Sweep.finished_at)) is None
    assert take(org, NOON) is Step.DONE


def test_who_did_something_while_another_held_the_rest_comes_again(org: Org, course: str) -> None:
    """Else two that meet at the end would each leave it to the other to end the run."""
    hold(org, course, {"a": NOON, "b": NOON})
    asked(org, NOON)
    with org.transaction() as one:
        held_by_one = select(LicenceDue.licence_id).join(Licence, Licence.id == LicenceDue.licence_id)
        one.execute(held_by_one.where(Licence.party_id == "a").with_for_update(of=LicenceDue))
        assert take(org, NOON) is Step.MORE
        assert take(org, NOON) is Step.WAITS
    assert Counter(told(org)) == Counter([notice("b", days) for days in (60, 30, 7)] + [end("b")])
    assert take(org, NOON) is Step.DONE
    assert len(set(told(org))) == len(told(org)) == 8


def test_one_is_woken_to_help_where_a_batch_is_not_enough(
    org: Org, course: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.licences.BATCH", 20)
    monkeypatch.setattr("shared.licences.sweep_batch", _of_20)
    ids = parties(200)
    org.with_parties(*ids)
    hold(org, course, dict.fromkeys(ids[:10], clock.now()))
    asked(org, clock.now())
    workshop.deliver("licences.sweep_organization", org.id)
    helper = ("licences.sweep_organization", (org.id, False))
    assert helper not in workshop.messages, "a single batch needs no help"
    hold(org, course, dict.fromkeys(ids[10:], clock.now()))
    asked(org, clock.now())
    workshop.messages.clear()
    workshop.deliver("licences.sweep_organization", org.id)
    assert list(workshop.messages) == [helper, helper], "one to help, one to go on"
    workshop.deliver("licences.sweep_organization", org.id, False)
    assert Counter(workshop.messages)[helper] == 2, "who was woken to help wakes nobody else"
    assert len(set(told(org))) == len(told(org)) == 4 * 200


def test_the_superseded_and_the_revoked_are_not_told_of(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON}, superseded_at=NOON - 90 * DAY)
    hold(org, course, {"b": NOON}, revoked_at=NOON - 90 * DAY)
    hold(org, course, {"c": NOON})
    run(org, NOON)
    assert {party for _, party, _ in told(org)} == {"c"}


def test_extended_after_a_notice_only_the_later_ones_are_told(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    run(org, NOON - 60 * DAY)
    (licence,) = held(org, "a")
    later = NOON + 100 * DAY
    body = {"expiresAt": later.isoformat(), "reason": "x"}
    assert org.client().patch(f"/v1/licences/{licence.id}", json=body).status_code == 200
    for days in range(170, -3, -1):
        run(org, later - days * DAY)
    assert told(org) == [notice("a", 60), notice("a", 30), notice("a", 7), end("a")]


def test_an_end_that_is_moved_after_it_was_told_is_told_again(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    run(org, NOON)
    (licence,) = held(org, "a")
    later = clock.now() + 100 * DAY
    body = {"expiresAt": later.isoformat(), "reason": "x"}
    assert org.client().patch(f"/v1/licences/{licence.id}", json=body).status_code == 200
    run(org, later - DAY)
    assert told(org).count(end("a")) == 1
    run(org, later)
    assert told(org).count(end("a")) == 2


def test_an_end_that_was_told_and_is_corrected_to_a_later_one_that_has_passed_too_is_told_again(
    org: Org, course: str
) -> None:
    """Else whoever follows the events would keep the end that was wrong."""
    hold(org, course, {"a": NOON})
    run(org, NOON + DAY)
    (licence,) = held(org, "a")
    corrected = {"expires_at": NOON + 10 * DAY}
    with org.transaction() as db:
        one = licences.locked(db, licence.id, None)
        licences.correct(db, one, corrected, "x", OPERATOR, NOON + 20 * DAY)
    for _ in range(2):
        run(org, NOON + 20 * DAY)
    assert told(org).count(end("a")) == 2


def test_what_counts_again_is_told_of_again(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON}, superseded_at=NOON - 90 * DAY)
    run(org, NOON - 60 * DAY)
    assert told(org) == []
    with org.transaction() as db:
        db.execute(update(Licence).where(Licence.org_id == org.id).values(superseded_at=None))
    run(org, NOON - 60 * DAY)
    assert told(org) == [notice("a", 60)]


def test_telling_of_licences_writes_none_of_them(org: Org, course: str) -> None:
    """They have ten indexes, spread over all that an organization has: the sweep would be bound by writing those."""
    hold(org, course, {"a": NOON, "b": NOON + 40 * DAY})
    rows = select(Licence.id, text("licence.xmin::text")).order_by(Licence.id)
    with org.transaction() as db:
        before = db.execute(rows).all()
    run(org, NOON)
    assert len(told(org)) == 4 + 1
    with org.transaction() as db:
        assert db.execute(rows).all() == before


def test_a_month_of_nights_for_ten_thousand(org: Org, course: str) -> None:
    ids = parties(10_000)
    org.with_parties(*ids)
    ends = {party: NOON + timedelta(hours=7 * n % (24 * 90)) for n, party in enumerate(ids)}
    hold(org, course, ends)
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
        run(org, night)
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
    assert len(set(told(org))) == len(told(org))


def test_a_batch_costs_the_same_statements_whatever_its_size(org: Org, course: str) -> None:
    ids = parties(2020)
    org.with_parties(*ids)
    sent = []
    for some in (ids[:20], ids[20:]):
        hold(org, course, dict.fromkeys(some, NOON))
        asked(org, NOON)
        with count_statements(org.parts.database.engine) as counted:
            assert take(org, NOON) is Step.DONE
        sent.append(counted.sent)
    assert sent[0] == sent[1]
    assert len(sent[0]) < 20


# --- nights and runs


def test_each_night_an_organization_is_swept_once(org: Org, course: str, workshop: Workshop) -> None:
    hold(org, course, {"a": NOON})
    night = datetime(2026, 3, 3, 1, tzinfo=UTC)
    with org.transaction() as db:
        assert org.id not in licences.organizations_to_sweep(db, night - timedelta(seconds=1))
        for _ in range(3):
            licences.begin_tonight(db, night)
        assert org.id in licences.organizations_to_sweep(db, night)
    assert take(org, night) is Step.DONE
    with org.transaction() as db:
        assert org.id not in licences.organizations_to_sweep(db, night)
        assert org.id in licences.organizations_to_sweep(db, night + DAY)
        (sweep,) = db.scalars(select(Sweep))
    assert (sweep.slot, sweep.expired, sweep.notices) == (date(2026, 3, 3), 1, 3)


def test_a_tick_wakes_a_run_whose_wake_up_was_lost(org: Org, workshop: Workshop) -> None:
    answer = org.client(Permission.ADMIN).post("/v1/sweeps")
    assert answer.status_code == 202
    assert answer.json()["finishedAt"] is None
    workshop.messages.clear()
    workshop.deliver("licences.sweep")
    assert ("licences.sweep_organization", (org.id,)) in workshop.messages
    workshop.deliver("licences.sweep_organization", org.id)
    items = org.client(Permission.VIEW).get("/v1/sweeps").json()["items"]
    assert items
    assert all(item["finishedAt"] for item in items)
    asked_by = {item["askedBy"]["id"] for item in items}
    assert "member-1" in asked_by


@pytest.mark.parametrize("permission", [Permission.VIEW, Permission.MANAGE_ASSIGNMENTS])
def test_only_an_administrator_asks_for_a_sweep(org: Org, permission: Permission) -> None:
    assert org.client(permission).post("/v1/sweeps").status_code == 403


def test_an_organization_without_training_waits(org: Org, course: str) -> None:
    hold(org, course, {"a": NOON})
    asked(org, NOON)
    for switch in (access.enable, access.entitle):
        with org.transaction() as db:
            switch(db, training=False, actor=OPERATOR, now=NOON)
        assert take(org, NOON) is Step.WAITS
        with org.transaction() as db:
            assert org.id not in licences.organizations_to_sweep(db, NOON)
            switch(db, training=True, actor=OPERATOR, now=NOON)
    assert told(org) == []
    assert take(org, NOON) is Step.DONE


def test_who_is_behind_is_counted(org: Org) -> None:
    later = clock.now() + timedelta(hours=27)
    with org.transaction() as db:
        before = licences.organizations_behind(db, later)
    assert before >= 1
    run(org, later)
    with org.transaction() as db:
        assert licences.organizations_behind(db, later) == before - 1


# --- renewals


def renewals(org: Org) -> dict[str, tuple[str, date | None]]:
    """Each party that was assigned by the sweep: why, and by when."""
    with org.transaction() as db:
        found = db.scalars(select(Assignment).where(Assignment.assigned_by_id == "sweep"))
        return {one.party_id: (one.reason, one.due_on) for one in found}


def test_a_licence_that_ends_soon_assigns_its_course_once(org: Org, workshop: Workshop) -> None:
    org.with_parties("a", "b", "c", "d")
    course = org.with_course(renewBeforeDays=45)
    newer = org.publish(course, "v2")
    hold(org, course, {"a": NOON + 45 * DAY, "b": NOON + 46 * DAY, "c": NOON - DAY, "d": NOON})
    deactivate(org, "d")
    for _ in range(2):
        run(org, NOON)
        workshop.drain(org.id)
    reason = "Renewal: the licence ends within 45 days"
    assert renewals(org) == {"a": (reason, (NOON + 45 * DAY).date()), "c": (reason, NOON.date())}
    with org.transaction() as db:
        assert set(map(str, db.scalars(select(Assignment.course_version_id)))) == {newer}
        assert sorted(db.scalars(select(Sweep.renewals))) == [0, 2]
    run(org, NOON + DAY)
    workshop.drain(org.id)
    assert set(renewals(org)) == {"a", "b", "c"}
    with org.transaction() as db:
        assert db.scalar(select(func.count()).select_from(Assignment)) == 3


def test_an_archived_course_is_not_assigned(org: Org, workshop: Workshop) -> None:
    org.with_parties("a")
    course = org.with_course(renewBeforeDays=45)
    hold(org, course, {"a": NOON})
    assert org.client().post(f"/v1/courses/{course}/archive").status_code == 200
    run(org, NOON)
    workshop.drain(org.id)
    assert renewals(org) == {}


# --- plans


def test_a_batch_is_found_and_noted_by_indexes_among_100_000(crowd: Crowd) -> None:
    """Of the statements as they are sent. Neither reads what is not due, nor joins anything to the batch."""
    with crowd.org.transaction() as db:
        later = clock.now() + 895 * DAY
        sweep_id = licences.ask_sweep(db, OPERATOR, later).id
        with count_statements(crowd.org.parts.database.engine) as counted:
            assert licences.sweep_batch(db, sweep_id, later, 4000).size == 4000
        take, note = (planned(db, counted, begin) for begin in ("SELECT licence_id", "UPDATE licence_due"))
        db.rollback()
    assert "Index Scan using ix_licence_due_at" in take, take
    (condition,) = re.findall("Index Cond: .*", note)
    assert "licence_id = ANY" in condition, note
    for never in ("Seq Scan", "Nested Loop", "Join"):
        assert never not in take + note, take + note


@pytest.mark.parametrize("known", [True, False])
def test_where_no_course_renews_no_licence_is_looked_at(crowd: Crowd, known: bool) -> None:
    """And where one does, only its own are."""
    with crowd.org.transaction() as db:
        if known:
            db.execute(update(Course).where(Course.id == crowd.course).values(renew_before_days=45))
        db.connection()
        with count_statements(crowd.org.parts.database.engine) as counted:
            renewals = licences.due_renewals(db, "UTC", clock.now() + 880 * DAY, 2000)
        plans = [planned(db, counted, begin) for begin in ("SELECT licence.id", "UPDATE licence") if known]
        db.rollback()
    assert sum(len(one.party_ids) for one in renewals) == (2000 if known else 0)
    assert counted.count == (3 if known else 1)
    for plan in plans:
        assert "Seq Scan on licence" not in plan, plan
        assert re.search("Index Cond: .*(course_id =|id = ANY)", plan), plan


def planned(db: Session, counted: Statements, begin: str) -> str:
    """How PostgreSQL goes about the statement among these that begins so."""
    (at,) = (n for n, sent in enumerate(counted.sent) if sent.strip().startswith(begin))
    lines = db.connection().exec_driver_sql(f"EXPLAIN {counted.sent[at]}", counted.parameters[at]).scalars()
    return "\n".join(lines)
