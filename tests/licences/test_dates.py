"""The rules for the dates of a licence, computed by PostgreSQL and compared with a plain model in Python."""

from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Boolean, Date, DateTime, Integer, func, literal, select, text
from sqlalchemy.types import Text

from shared import clock
from shared.licences.dates import Policy, Training, dates, renewable_until
from tests.factories import Org

AT = DateTime(timezone=True)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Case:
    """A policy and a training. trained_at or trained_on: at most one."""

    granted: datetime
    months: int
    former: datetime | None = None
    window: int | None = None
    keeps: bool = False
    zone: str = "UTC"
    begins: str = "granted"
    ends: str = "instant"
    renewable: int | None = None
    trained_at: datetime | None = None
    trained_on: date | None = None


KINDS: tuple[Any, ...] = (AT, Integer, AT, Integer, Boolean, Text, Text, Text, Integer, AT, Date)


def found(org: Org, cases: list[Case], zone: str = "UTC") -> list[tuple[Any, ...]]:
    """Returns validFrom, end, rule and where the months count from, for each case, in one statement.

    zone: of the connection.
    """
    columns = zip(*map(astuple, cases), strict=True)
    arrays = [literal(list(values), ARRAY(kind)) for values, kind in zip(columns, KINDS, strict=True)]
    names = list(Case.__dataclass_fields__)
    each = func.unnest(*arrays).table_valued(*names, with_ordinality="place").render_derived()
    c = each.c
    policy = Policy(c.zone, c.months, c.begins, c.ends, c.window, c.renewable, c.keeps)
    made = dates(policy, Training(c.granted, c.trained_at, c.trained_on, c.former))
    renewable = renewable_until(c.zone, made.expires_at, c.renewable)
    columns_of = (made.valid_from, made.expires_at, made.rule, made.counted_from, renewable)
    with org.transaction() as db:
        db.execute(text(f"SET LOCAL timezone = '{zone}'"))
        rows = db.execute(select(*columns_of).select_from(each).order_by(c.place)).all()
    return [tuple(one.astimezone(UTC) if isinstance(one, datetime) else one for one in row) for row in rows]


def agreed(org: Org) -> list[str]:
    """Returns the time zones of which PostgreSQL and Python have the same rules. Countries change some now and then."""
    months = [datetime(year, month, 1, tzinfo=UTC) for year in range(2024, 2043) for month in range(1, 13)]
    zones = sorted(clock.time_zones())
    every = "SELECT name, timezone(name, at) FROM unnest(:zones) AS name, unnest(:months) AS at"
    typed = text(every.replace(":zones", "cast(:zones AS text[])").replace(":months", "cast(:months AS timestamptz[])"))
    with org.transaction() as db:
        rows = db.execute(typed, {"zones": zones, "months": months}).all()
    local: dict[str, set[datetime]] = {}
    for name, at in rows:
        local.setdefault(name, set()).add(at)
    same = [
        zone for zone in zones if local[zone] == {at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for at in months}
    ]
    assert len(same) > len(zones) - 20, sorted(set(zones).difference(same))
    return same


def differing(org: Org, cases: list[Case]) -> list[Any]:
    """Returns the first case of which `found` and the model differ, with both, or nothing."""
    pairs = zip(cases, found(org, cases), strict=True)
    return next(([case, row, by_hand(case)] for case, row in pairs if row != by_hand(case)), [])


# --- the model


def begin(zone: str, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def local_day(zone: str, at: datetime) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def days_later(zone: str, at: datetime, days: int) -> datetime:
    local = at.astimezone(ZoneInfo(zone)) + timedelta(days=days)
    return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def rounded(case: Case, day: date) -> datetime | None:
    """The end of a licence whose last day this is, if the policy rounds ends."""
    if case.ends == "end_of_month":
        return begin(case.zone, day.replace(day=1) + relativedelta(months=1))
    return begin(case.zone, day + timedelta(days=1)) if case.ends == "end_of_day" else None


def after_former(case: Case, former: datetime) -> datetime:
    months, last = relativedelta(months=case.months), local_day(case.zone, former - MOMENT)
    if (end := rounded(case, last + months)) is not None:
        return end
    if begin(case.zone, local_day(case.zone, former)) == former:
        return begin(case.zone, last + months + timedelta(days=1))
    return former + months


def after_start(case: Case, started: datetime) -> datetime:
    months = relativedelta(months=case.months)
    if (end := rounded(case, local_day(case.zone, started) + months)) is not None:
        return end
    by_day = case.begins == "training" and case.trained_on is not None and started == begin(case.zone, case.trained_on)
    return begin(case.zone, local_day(case.zone, started) + months) if by_day else started + months


def by_hand(case: Case) -> tuple[Any, ...]:
    """Returns what `found` must return for this case."""
    started, former = case.granted, case.former
    if case.begins == "training":
        known = case.trained_at or (begin(case.zone, case.trained_on) if case.trained_on else case.granted)
        started = min(known, case.granted)
    in_time = False
    if former is not None and case.keeps:
        early = case.window is not None and started < former <= started + timedelta(days=case.window)
        late = case.renewable is not None and former <= started < days_later(case.zone, former, case.renewable)
        in_time = early or (late and after_former(case, former) > started)
    counted = after_former(case, former) if in_time and former else after_start(case, started)
    since: datetime | None = former if in_time else started if case.begins == "training" else None
    rule = "monthsFromAnniversary" if in_time else "monthsFromTraining" if since else "monthsFromGrant"
    if former is not None and former > counted:
        counted, since, rule = former, former, "laterExpiry"
    valid_from = started if started < case.granted else None
    renewable = None if case.renewable is None else days_later(case.zone, counted, case.renewable)
    return valid_from, counted, rule, since, renewable


# --- ends by instants, as before


def ends(org: Org, cases: list[Case], zone: str = "UTC") -> list[tuple[datetime, str]]:
    return [(row[1], row[2]) for row in found(org, cases, zone)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "America/St_Johns", "Pacific/Apia"])
def test_months_are_added_like_dateutil_does_on_every_day_of_nine_years(org: Org, zone: str) -> None:
    first = datetime(2024, 1, 1, 1, 30, tzinfo=UTC)
    granted = [first + timedelta(days=n) for n in range(9 * 366)]
    cases = [Case(at, months, zone=zone) for at in granted for months in (1, 12, 25)]
    expected = [(one.granted + relativedelta(months=one.months), "monthsFromGrant") for one in cases]
    assert ends(org, cases, zone) == expected


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.matrix)])
def test_the_time_zone_of_the_connection_does_not_change_an_end(org: Org, step: int) -> None:
    """Tries time zones of organizations, around leap days, ends of months and changes of clocks. step: 1: every one."""
    days = [(1, 31), (2, 29), (3, 12), (3, 26), (3, 31), (10, 29), (11, 5), (12, 31)]
    granted = [datetime(2028, month, day, 1, 30, tzinfo=UTC) for month, day in days]
    cases = [Case(at, months) for at in granted for months in (1, 12)]
    expected = [by_hand(case) for case in cases]
    zones = clock.time_zones()
    assert len(zones) > 400
    assert [zone for zone in sorted(zones)[::step] if found(org, cases, zone) != expected] == []


def test_twelve_months_after_29_february_is_28_february(org: Org) -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert ends(org, [Case(leap, 12), Case(leap, 48)]) == [
        (datetime(2029, 2, 28, 12, tzinfo=UTC), "monthsFromGrant"),
        (datetime(2032, 2, 29, 12, tzinfo=UTC), "monthsFromGrant"),
    ]


# --- every policy


INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))


@st.composite
def cases(draw: st.DrawFn, zones: list[str]) -> Case:
    """Draws a case. Ends of former licences are often at midnight of the zone, and trainings near the grant."""
    zone, granted = draw(st.sampled_from(zones)), draw(INSTANTS)
    at_midnight = DAYS.map(lambda day: begin(zone, day))
    near = st.timedeltas(timedelta(days=-800), timedelta(days=1)).map(lambda ago: granted + ago)
    trained = draw(st.sampled_from(("at", "on", "unknown")))
    return Case(
        granted,
        draw(st.integers(1, 120)),
        draw(st.none() | INSTANTS | at_midnight | near),
        draw(st.none() | st.integers(1, 400)),
        draw(st.booleans()),
        zone,
        draw(st.sampled_from(("granted", "training"))),
        draw(st.sampled_from(("instant", "end_of_day", "end_of_month"))),
        draw(st.none() | st.integers(1, 800)),
        draw(near) if trained == "at" else None,
        local_day(zone, draw(near)) if trained == "on" else None,
    )


def test_the_dates_of_any_licence_follow_the_policy(org: Org) -> None:
    """In every zone, also those whose clocks skip or repeat midnight."""
    zones = agreed(org)

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(cases(zones), min_size=1, max_size=60))
    def holds(drawn: list[Case]) -> None:
        assert not differing(org, drawn)
        for case, (valid_from, end, *_) in zip(drawn, found(org, drawn), strict=True):
            assert end > (valid_from or case.granted), "a licence ends before it begins"
            assert valid_from is None or valid_from < case.granted
            assert case.former is None or end >= case.former, "a renewal ends before the former licence"

    holds()


@pytest.mark.parametrize("policy", ["end_of_day", "end_of_month"])
def test_rounded_ends_are_at_the_beginning_of_a_day_in_every_zone(org: Org, policy: str) -> None:
    """Around leap days, ends of months, and the days on which zones change their clocks at midnight."""
    days = [(2024, 2, 29), (2025, 3, 31), (2025, 4, 24), (2025, 10, 31), (2026, 3, 8), (2026, 10, 31)]
    drawn = [
        Case(datetime(*day, 22, 45, tzinfo=UTC), months, zone=zone, ends=policy)
        for zone in agreed(org)
        for day in days
        for months in (1, 12)
    ]
    assert not differing(org, drawn)
    for case, (_, end, *_) in zip(drawn, found(org, drawn), strict=True):
        assert begin(case.zone, local_day(case.zone, end)) == end
        if policy == "end_of_month":
            assert local_day(case.zone, end).day == 1


def test_an_anniversary_at_the_end_of_a_day_does_not_move_by_a_day_each_year(org: Org) -> None:
    zone, end = "Europe/Oslo", begin("Europe/Oslo", date(2026, 7, 1))
    for year in range(2027, 2040):
        renewed = Case(end - timedelta(days=10), 12, end, 30, keeps=True, zone=zone, ends="end_of_day")
        ((_, end, rule, *_),) = found(org, [renewed])
        assert (clock.last_day_in(zone, end), rule) == (date(year, 6, 30), "monthsFromAnniversary")


def test_a_renewal_in_the_days_after_the_end_keeps_the_anniversary_and_no_later_one(org: Org) -> None:
    end = datetime(2026, 6, 30, 9, tzinfo=UTC)
    within = Case(end + timedelta(days=30) - MOMENT, 12, end, keeps=True, renewable=30)
    after = Case(end + timedelta(days=30), 12, end, keeps=True, renewable=30)
    resets = Case(end + timedelta(days=3), 12, end, keeps=False, renewable=30)
    assert ends(org, [within, after, resets]) == [
        (datetime(2027, 6, 30, 9, tzinfo=UTC), "monthsFromAnniversary"),
        (datetime(2027, 7, 30, 9, tzinfo=UTC), "monthsFromGrant"),
        (datetime(2027, 7, 3, 9, tzinfo=UTC), "monthsFromGrant"),
    ]


def test_a_licence_begins_no_later_than_it_is_granted(org: Org) -> None:
    """A sitting that is completed before its end: a later beginning would leave a gap behind the former licence."""
    granted = datetime(2026, 3, 2, 12, tzinfo=UTC)
    known: list[dict[str, Any]] = [{"trained_at": granted + timedelta(hours=3)}, {"trained_on": date(2026, 3, 3)}]
    for trained in known:
        ((valid_from, end, rule, *_),) = found(org, [Case(granted, 12, begins="training", **trained)])
        assert (valid_from, end, rule) == (None, granted + relativedelta(months=12), "monthsFromTraining")


def test_a_late_renewal_whose_anniversary_has_passed_counts_from_its_start(org: Org) -> None:
    end = datetime(2026, 1, 31, 9, tzinfo=UTC)
    late = Case(end + timedelta(days=100), 1, end, keeps=True, renewable=400)
    assert ends(org, [late]) == [(end + timedelta(days=100) + relativedelta(months=1), "monthsFromGrant")]
