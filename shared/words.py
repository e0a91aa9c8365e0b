"""Words and numbers as people read them. One place, so that pages and mails write them alike.

They are in the language of the reader for whom something is written (`shared.texts.reading`). Without one it is
English, as in answers of the API.
"""

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from shared import clock
from shared.texts import N_, reader


def day_in_words(day: date) -> str:
    """A day written out, such as "6 July 2026": 06/07 is June to some readers and July to others."""
    return reader().long_day(day)


def moment_in_words(zone: str, at: datetime) -> str:
    """An instant to the minute, with its zone: "6 July 2026, 09:00 (Europe/Oslo)".

    In an hour that clocks repeat, with the difference from UTC, which tells the two apart.
    """
    local = at.astimezone(ZoneInfo(zone))
    twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    repeated = twice and local.replace(fold=0).astimezone(UTC) < local.replace(fold=1).astimezone(UTC)
    name = f"{zone}, UTC{local.replace(microsecond=0).isoformat()[19:]}" if repeated else zone
    return f"{day_in_words(local.date())}, {local:%H:%M} ({name})"


def until_in_words(zone: str, until: datetime) -> str:
    """An end in words that never contradict the instant: a day for what is good to its end, else the hour too."""
    if clock.is_whole_day(zone, until):
        return day_in_words(clock.last_day_in(zone, until))
    return moment_in_words(zone, until)


def ended_in_words(zone: str, until: datetime) -> str:
    """The same, of an end that has passed: with a day, at the end of that day."""
    if clock.is_whole_day(zone, until):
        return in_words(N_("at the end of %(day)s"), day=until_in_words(zone, until))
    return in_words(N_("on %(moment)s"), moment=moment_in_words(zone, until))


def since_in_words(zone: str, since: datetime) -> str:
    """A beginning in words: a day for what is good from its beginning, else the hour too."""
    return day_in_words(clock.day_in(zone, since)) if clock.is_whole_day(zone, since) else moment_in_words(zone, since)


def in_words(text: str, **values: object) -> str:
    """A text of the catalogue in the reader's language, with these values in it."""
    return reader().text(text) % values


def single_line(text: str) -> str:
    """A text on one line, without control characters: a line break in a name must not begin another header."""
    return _GAPS.sub(" ", text).strip()


_GAPS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
