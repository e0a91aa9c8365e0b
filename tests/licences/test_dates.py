"""The rules for the end of a licence, computed by PostgreSQL and compared with python-dateutil's calendar months."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, Boolean, DateTime, Integer, func, literal, select, text

from shared import clock
from shared.licences.dates import expiry
from tests.factories import Org

AT = DateTime(timezone=True)
Case = tuple[datetime, int, datetime | None, int | None, bool]


def ends(org: Org, cases: list[Case], zone: str = "UTC") -> list[tuple[datetime, str]]:
    """Returns the ends and rules that PostgreSQL computes for these cases, in one statement."""
    granted, months, former, window, keeps = ([case[n] for case in cases] for n in range(5))
    each = (
        func.unnest(
            literal(granted, ARRAY(AT)),
            literal(months, ARRAY(Integer)),
            literal(former, ARRAY(AT)),
            literal(window, ARRAY(Integer)),
            literal(keeps, ARRAY(Boolean)),
        )
        .table_valued("granted", "months", "former", "window_days", "keeps", with_ordinality="place")
        .render_derived()
    )
    rule = expiry(each.c.granted, each.c.months, each.c.former, each.c.window_days, each.c.keeps)
    with org.transaction() as db:
        db.execute(text(f"SET LOCAL timezone = '{zone}'"))
        found: Any = db.execute(select(*rule).select_from(each).order_by(each.c.place)).tuples()
        return [(end.astimezone(UTC), by) for end, by in found]


def by_hand(granted: datetime, months: int, former: datetime | None, window: int | None, keeps: bool) -> Any:
    """Returns the expected end and rule."""
    early = former is not None and keeps and window is not None and granted < former <= granted + timedelta(days=window)
    start = former if early and former is not None else granted
    counted = start + relativedelta(months=months)
    if former is not None and former > counted:
        return former, "laterExpiry"
    return counted, "monthsFromAnniversary" if early else "monthsFromGrant"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "America/St_Johns", "Pacific/Apia"])
def test_months_are_added_like_dateutil_does_on_every_day_of_nine_years(org: Org, zone: str) -> None:
    first = datetime(2024, 1, 1, 1, 30, tzinfo=UTC)
    cases: list[Case] = [
        (first + timedelta(days=n), months, None, None, False) for n in range(9 * 366) for months in (1, 12, 25)
    ]
    assert ends(org, cases, zone) == [by_hand(*case) for case in cases]


def test_the_time_zone_of_the_connection_does_not_change_an_end(org: Org) -> None:
    """Tries every time zone of organizations, around leap days, ends of months and changes of clocks."""
    days = [(1, 31), (2, 29), (3, 12), (3, 26), (3, 31), (10, 29), (11, 5), (12, 31)]
    granted = [datetime(2028, month, day, 1, 30, tzinfo=UTC) for month, day in days]
    cases: list[Case] = [(at, months, None, None, False) for at in granted for months in (1, 12)]
    expected = [by_hand(*case) for case in cases]
    zones = clock.time_zones()
    assert len(zones) > 400
    assert [zone for zone in zones if ends(org, cases, zone) != expected] == []


def test_twelve_months_after_29_february_is_28_february(org: Org) -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert ends(org, [(leap, 12, None, None, False), (leap, 48, None, None, False)]) == [
        (datetime(2029, 2, 28, 12, tzinfo=UTC), "monthsFromGrant"),
        (datetime(2032, 2, 29, 12, tzinfo=UTC), "monthsFromGrant"),
    ]


INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
CASES = st.tuples(INSTANTS, st.integers(1, 120), st.none() | INSTANTS, st.none() | st.integers(1, 400), st.booleans())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CASES, min_size=1, max_size=200))
def test_the_end_of_any_renewal_follows_the_rules(org: Org, cases: list[Case]) -> None:
    found = ends(org, cases)
    assert found == [by_hand(*case) for case in cases]
    for (granted, _, former, _, _), (end, _) in zip(cases, found, strict=True):
        assert end > granted
        assert former is None or end >= former, "a renewal ends before the former licence"
