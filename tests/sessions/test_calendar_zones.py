"""Time zones in calendar files: read by two libraries, they give the hours that `zoneinfo` gives."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical
from icalendar import Calendar, Timezone

from shared import calendars, clock
from tests.factories import Org
from tests.sessions.sitting import schedule

ZONES = sorted(clock.time_zones())
RULED = ("Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Jerusalem", "America/Santiago")
UNRULED = ("Africa/Casablanca", "Asia/Gaza", "Asia/Tokyo")


def rules(zone: str, year: int) -> str:
    """The VTIMEZONE of a zone for moments in a year."""
    written: bytes = calendars.time_zone(zone, year, year).to_ical()
    return written.decode()


def readers(zone: str, year: int) -> Iterator[tzinfo]:
    """The zone as two libraries read it from its rules, without looking at its name."""
    found = tzical(io.StringIO(f"BEGIN:VCALENDAR\r\n{rules(zone, year)}END:VCALENDAR\r\n")).get(zone)
    assert found is not None
    yield found
    yield component(zone, year).to_tz(lookup_tzid=False)


def component(zone: str, year: int) -> Timezone:
    """The zone's rules as `icalendar` reads them."""
    found = Timezone.from_ical(rules(zone, year))
    assert isinstance(found, Timezone)
    return found


def offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    """The offset of a zone at an instant."""
    return at.astimezone(zone).utcoffset()


def changes(zone: ZoneInfo, year: int) -> Iterator[datetime]:
    """The instants of a year at which a zone's clocks are changed."""
    day, minute = timedelta(days=1), timedelta(minutes=1)
    for at in (datetime(year, 1, 1, tzinfo=UTC) + n * day for n in range(365)):
        if offset(at, zone) != offset(at + day, zone):
            yield next(one for n in range(1, 1441) if offset(one := at + n * minute, zone) != offset(at, zone))


def wrong_hours(zone: str, year: int) -> list[datetime]:
    """The moments of a year that a reader of the zone's rules takes for another instant, and wrong changes of clocks.

    `get_transitions` reads the instants of the changes, up to 2038.
    """
    known = ZoneInfo(zone)
    changed = list(changes(known, year))
    asked = [datetime(year, 1, 1, 5, tzinfo=UTC) + timedelta(weeks=2 * n) for n in range(26)]
    asked += [at + timedelta(minutes=15 * n) for at in changed for n in range(-12, 12)]
    local = [at.astimezone(known) for at in asked]
    wrong = [
        at
        for reader in readers(zone, year)
        for at in local
        if not at.fold and at.replace(tzinfo=reader).utcoffset() != at.utcoffset()
    ]
    read = [at.replace(tzinfo=UTC) for at in component(zone, year).get_transitions()[0]]
    listed = {at for at in read if changed and at.year == year} if year < 2038 else set(changed)
    return wrong + sorted(listed ^ set(changed))


@pytest.mark.parametrize("year", [1975, 2007, 2026, 2037, 2046])
def test_the_rules_of_every_sixteenth_zone_give_its_hours(year: int) -> None:
    """Other zones in each year."""
    assert {zone: found for zone in ZONES[year % 16 :: 16] if (found := wrong_hours(zone, year))} == {}


@pytest.mark.parametrize("zone", [*RULED, *UNRULED])
@pytest.mark.parametrize("year", range(2024, 2030))
def test_the_rules_of_zones_of_all_sorts_give_their_hours(zone: str, year: int) -> None:
    assert wrong_hours(zone, year) == []


def test_the_check_of_rules_finds_an_hour_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: `icalendar` alone begins summer time an hour late."""
    monkeypatch.setattr(calendars, "time_zone", lambda zone, *years: Timezone.from_tzid(zone))
    wrong = [at.isoformat() for at in wrong_hours("Europe/Oslo", 2026)]
    assert wrong == ["2026-03-29T01:00:00+00:00", "2026-03-29T02:00:00+00:00"]


@pytest.mark.parametrize("zone", RULED)
def test_a_zone_with_a_yearly_rule_is_written_as_rules_without_end(zone: str) -> None:
    text = rules(zone, 2026)
    assert (text.count("RRULE:FREQ=YEARLY"), text.count("RDATE"), text.count("UNTIL")) == (2, 0, 0)
    in_70_years = datetime(2096, 7, 15, 12, tzinfo=ZoneInfo(zone))
    for reader in readers(zone, 2026):
        assert in_70_years.replace(tzinfo=reader).utcoffset() == in_70_years.utcoffset()


@pytest.mark.parametrize("zone", UNRULED)
def test_a_zone_without_a_yearly_rule_has_the_dates_of_its_changes(zone: str) -> None:
    text = rules(zone, 2026)
    assert "RRULE" not in text
    assert ("RDATE" in text) is (zone != "Asia/Tokyo")


@pytest.mark.parametrize(
    ("starts", "ends", "written"),
    [
        ("2026-10-25T00:30:00Z", "2026-10-25T02:30:00Z", ("TZID=Europe/Oslo:20261025T023000", "20261025T033000")),
        ("2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z", ("20261025T013000Z", "20261025T023000Z")),
        ("2026-10-24T23:00:00Z", "2026-10-25T01:15:00Z", ("20261024T230000Z", "20261025T011500Z")),
        ("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", ("TZID=Europe/Oslo:20260329T030000", "20260329T040000")),
    ],
    ids=["first hour", "repeated hour", "ends in the repeated hour", "after the skipped hour"],
)
def test_a_session_in_the_hour_of_a_change_keeps_its_instants(
    org: Org, starts: str, ends: str, written: tuple[str, str]
) -> None:
    """Clocks in Oslo are put back at 01:00 UTC on 25 October, and forward at that hour on 29 March."""
    session_id = schedule(org, startsAt=starts, endsAt=ends, timeZone="Europe/Oslo")
    answer = org.client().get(f"/v1/sessions/{session_id}.ics")
    for moment in written:
        assert f"{moment}\r\n" in answer.text
    entry: Any = Calendar.from_ical(answer.content).events[0]
    read = [entry["DTSTART"].dt.astimezone(UTC), entry["DTEND"].dt.astimezone(UTC)]
    assert read == [datetime.fromisoformat(starts), datetime.fromisoformat(ends)]
    assert ("BEGIN:VTIMEZONE" in answer.text) is ("TZID" in answer.text)


def test_a_session_in_utc_needs_no_time_zone(org: Org) -> None:
    session_id = schedule(org, timeZone="UTC")
    assert "VTIMEZONE" not in org.client().get(f"/v1/sessions/{session_id}.ics").text
