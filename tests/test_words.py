"""Days and instants in words: what people are told never contradicts what machines check."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import clock
from shared.words import ended_in_words, moment_in_words, since_in_words, until_in_words

ZONES = st.sampled_from(sorted(clock.time_zones()))
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
MOMENT = timedelta(microseconds=1)


@settings(max_examples=300, deadline=None)
@given(ZONES, DAYS)
def test_an_end_with_a_day_is_told_as_that_day(zone: str, day: date) -> None:
    """On the day that is told, it is good to its last moment; on the next one never."""
    until = clock.begin_of(zone, day + timedelta(days=1))
    told = until_in_words(zone, until)
    spoken = datetime.strptime(told, "%d %B %Y").date()  # noqa: DTZ007
    assert clock.day_in(zone, until - MOMENT) == spoken == clock.last_day_in(zone, until)
    assert clock.day_in(zone, until) > spoken
    assert ended_in_words(zone, until) == f"at the end of {told}"


@settings(max_examples=300, deadline=None)
@given(ZONES, INSTANTS)
def test_an_end_in_mid_day_is_told_with_its_hour_and_zone(zone: str, until: datetime) -> None:
    until = until.replace(second=0, microsecond=0)
    if until == clock.begin_of(zone, clock.day_in(zone, until)):
        return
    told = until_in_words(zone, until)
    found = re.fullmatch(r"(\d+ \w+ \d{4}), (\d\d:\d\d) \((\S+?)(?:, UTC([+-]\d\d:\d\d(?::\d\d)?))?\)", told)
    assert found, told
    day, hour, named, offset = found.groups()
    local = datetime.strptime(f"{day} {hour}", "%d %B %Y %H:%M").replace(tzinfo=ZoneInfo(named))
    meant = {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    assert until in meant
    if offset:
        assert until.astimezone(ZoneInfo(zone)).isoformat().endswith(offset)
    elif local.replace(fold=1).astimezone(UTC) > local.replace(fold=0).astimezone(UTC):
        pytest.fail(f"{told} means two instants")


def test_the_repeated_hour_is_told_with_its_difference_from_utc() -> None:
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert moment_in_words("Europe/Oslo", first) == "25 October 2026, 02:30 (Europe/Oslo, UTC+02:00)"
    assert moment_in_words("Europe/Oslo", second) == "25 October 2026, 02:30 (Europe/Oslo, UTC+01:00)"
    assert moment_in_words("Europe/Oslo", second - timedelta(hours=2)) == "25 October 2026, 01:30 (Europe/Oslo)"


def test_a_beginning_with_a_day_is_told_as_that_day() -> None:
    begins = clock.begin_of("Europe/Oslo", date(2026, 4, 1))
    assert since_in_words("Europe/Oslo", begins) == "1 April 2026"
    assert since_in_words("Europe/Oslo", begins + timedelta(hours=9)) == "1 April 2026, 09:00 (Europe/Oslo)"
