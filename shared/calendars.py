"""Parts of calendar files (RFC 5545): the rules of a time zone, moments in it, and participants.

Libraries weighed for VTIMEZONE. `icalendar` writes the files, but its `add_missing_timezones` lists each change of
clocks up to 2038, and begins summer time an hour late. `ical` 14 writes a rule, but today's rule for every year, and
none of the dates of zones without a yearly rule (Morocco); it has a second model of calendars besides. So the changes
of clocks are found in `zoneinfo` here, and a rule is written only where it gives exactly these changes.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress

from shared.words import single_line

YEARS_AHEAD = 20
"""The years after a moment whose changes of clocks are looked at, and listed if they follow no rule."""

YEARS_OF_A_RULE = 12
"""A rule is written if so many years follow it. In 11 years a weekday falls on each of the seven days it can."""

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_STEP = timedelta(days=7)
"""No zone has kept its clocks for less than this between two changes."""


class Observance(NamedTuple):
    """The time that a zone keeps after a change of clocks."""

    offset_from: timedelta
    offset_to: timedelta
    name: str
    daylight: bool


class Change(NamedTuple):
    """A change of clocks. local: when it happens, on clocks that are not changed yet."""

    local: datetime
    to: Observance


def moments(starts_at: datetime, ends_at: datetime, key: str) -> tuple[datetime, datetime]:
    """Start and end as a calendar file writes them: in the zone, or both in UTC.

    In UTC if one of them lies in an hour that is repeated when clocks are put back: the zone's time would mean the
    first of the two hours.
    """
    zone = ZoneInfo(key)
    start, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    if start.fold or end.fold:
        return starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    return start, end


@lru_cache(maxsize=512)
def time_zone(key: str, first_year: int, last_year: int) -> Timezone:
    """The rules of a time zone for moments in these years. A caller must not change it.

    A rule of today has no end, so that a calendar can move its entry to a later year.
    """
    zone, begin = ZoneInfo(key), datetime(first_year - 1, 1, 1, tzinfo=UTC)
    changes = list(_changes(zone, begin, datetime(last_year + YEARS_AHEAD + 1, 1, 1, tzinfo=UTC)))
    written = Timezone()
    written.add("TZID", key)
    first = begin.astimezone(zone)
    if not changes or changes[0].local.year >= first_year:
        kept = Observance(_offset(first), _offset(first), first.tzname() or key, bool(first.dst()))
        written.add_component(_component(kept, [first.replace(tzinfo=None)]))
    for to, same in groupby(sorted(changes, key=attrgetter("to")), attrgetter("to")):
        onsets = [change.local for change in same]
        ruled = _ruled(onsets, last_year + YEARS_AHEAD)
        if ruled:
            written.add_component(_component(to, onsets[-ruled:], _rule(onsets[-ruled:])))
            onsets = onsets[:-ruled]
        if onsets:
            written.add_component(_component(to, onsets))
    return written


def participant(name: str, address: str) -> vCalAddress:
    """An organizer or attendee."""
    one = vCalAddress(f"mailto:{single_line(address)}")
    one.params["CN"] = single_line(name).replace('"', "'")
    return one


def _changes(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterable[Change]:
    """The changes of a zone's clocks between two instants."""
    at = begin
    while at < end:
        after = at + _STEP
        before, later = at.astimezone(zone), after.astimezone(zone)
        if _offset(before) != _offset(later):
            changed = _instant_of_change(zone, at, after)
            then = changed.astimezone(zone)
            forward = _offset(then) > _offset(before)
            seasonal = bool(before.dst() or then.dst())  # Dublin's standard time is its summer time
            to = Observance(_offset(before), _offset(then), then.tzname() or zone.key, forward and seasonal)
            yield Change((changed + _offset(before)).replace(tzinfo=None), to)
        at = after


def _instant_of_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second at which a zone has the offset of `after` and no longer that of `before`."""
    old = _offset(before.astimezone(zone))
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _offset(middle.astimezone(zone)) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _component(to: Observance, onsets: Sequence[datetime], rule: dict[str, Any] | None = None) -> Any:
    """An observance that begins at the first of these moments, and again by a rule or at the others."""
    written = TimezoneDaylight() if to.daylight else TimezoneStandard()
    written.add("DTSTART", onsets[0])
    written.add("TZOFFSETFROM", to.offset_from)
    written.add("TZOFFSETTO", to.offset_to)
    written.add("TZNAME", to.name)
    if rule is not None:
        written.add("RRULE", rule)
    elif len(onsets) > 1:
        written.add("RDATE", list(onsets[1:]))
    return written


def _ruled(onsets: Sequence[datetime], until_year: int) -> int:
    """How many of the last of these moments follow one yearly rule up to this year. 0 if they are too few to know."""
    count, days = 0, set[int]()
    for n, onset in enumerate(reversed(onsets)):
        seen = days | {onset.day}
        same = (onset.year, onset.month, onset.weekday(), onset.time()) == (
            until_year - n,
            onsets[-1].month,
            onsets[-1].weekday(),
            onsets[-1].time(),
        )
        if not same or max(seen) - min(seen) > 6:
            break
        count, days = n + 1, seen
    return count if count >= YEARS_OF_A_RULE and len(days) == 7 else 0


def _rule(onsets: Sequence[datetime]) -> dict[str, Any]:
    """The yearly rule of moments that `_ruled` has found to follow one."""
    month, weekday = onsets[0].month, _WEEKDAYS[onsets[0].weekday()]
    first = min(onset.day for onset in onsets)
    rule: dict[str, Any] = {"FREQ": "YEARLY", "BYMONTH": month}
    if month != 2 and first + 6 == monthrange(2001, month)[1]:
        return rule | {"BYDAY": f"-1{weekday}"}
    if first % 7 == 1:
        return rule | {"BYDAY": f"{first // 7 + 1}{weekday}"}
    return rule | {"BYMONTHDAY": list(range(first, first + 7)), "BYDAY": weekday}
