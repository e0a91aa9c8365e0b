"""The language of a reader: texts from the catalogue, and days, instants and numbers as that language writes them.

Pages read them through `Words`. Each language has one file, `shared/locale/<language>.po`, which `make texts` keeps
complete. Babel was chosen because it extracts from Python and Jinja and knows how each language writes a date; it is
compiled in memory when a language is first used, so no second file can be out of date. `fluent.runtime` was weighed:
it extracts nothing from templates, and has had no release since 2023.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared import clock

FIRST = "en"
"""The language in which texts are written, and of readers whose language has no catalogue."""

LOCALES = {FIRST: "en_GB", "nb": "nb_NO"}
"""The languages with a catalogue, and how each writes days and numbers: English with the day before the month."""

SAME = {"no": "nb", "nn": "nb"}
"""Languages whose readers are given another one's texts."""

_PLACE = re.compile(r"%\((\w+)\)s")

_INSTANT = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)(?!\d)")
"""An instant of the calendar in ISO 8601, with its difference from UTC."""

_COLUMN = re.compile(r"(?<=\w\.) (?=[^.:]{1,100}: )")
"""The place between two sentences of which the second begins with a column."""

NEAR = 7
"""A day that is at most so many days away is told with its weekday."""


def language_of(*tags: str | None) -> str:
    """Return the language of the first BCP 47 tag that has a catalogue, else English."""
    for tag in tags:
        language = (tag or "").partition("-")[0].lower()
        if (language := SAME.get(language, language)) in LOCALES:
            return language
    return FIRST


@cache
def catalogue_of(language: str) -> NullTranslations:
    """Return the texts of a language. A text without a translation stays English."""
    source = files("shared") / "locale" / f"{language}.po"
    if not source.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with source.open("rb") as opened:
        write_mo(compiled, read_po(opened, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return what sentences look like that were made of a text with values, the longest text first."""
    with (files("shared") / "locale" / f"{language}.po").open("rb") as opened:
        messages = read_po(opened, locale=language)
    found = {one.id: str(one.string) for one in messages if isinstance(one.id, str) and one.string}
    made = sorted((text for text in found if _VALUE.search(text)), key=len, reverse=True)
    return [(re.compile(_pattern(text)), found[text]) for text in made]


_VALUE = re.compile(r"%\((\w+)\)s")


def _pattern(text: str) -> str:
    """Return a regular expression for sentences that were made of a text."""
    parts, seen = _VALUE.split(text), set[str]()
    for n in range(1, len(parts), 2):
        name = parts[n]
        parts[n] = f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
        seen.add(name)
    return "".join(part if n % 2 else re.escape(part.replace("%%", "%")) for n, part in enumerate(parts))


@dataclass(frozen=True)
class Words:
    """The language, the time zone and the present of a reader."""

    language: str
    zone: str
    now: datetime

    @property
    def locale(self) -> Locale:
        """The locale that writes days and numbers."""
        return _locale(LOCALES[self.language])

    def text(self, text: str) -> str:
        """Return a text in the reader's language."""
        return catalogue_of(self.language).gettext(text)

    def sentence(self, sentence: str) -> str:
        """Return a finished sentence in the reader's language, such as the detail of a problem.

        It is looked up as it stands, or as the text with values in it from which it was made. An instant in it, which
        the API writes in ISO 8601, is written as pages write instants.
        """
        return _INSTANT.sub(self._instant_in, self._translated(sentence))

    def _instant_in(self, found: re.Match[str]) -> str:
        try:
            return self.instant(datetime.fromisoformat(found[0]))
        except ValueError:
            return found[0]

    def _translated(self, sentence: str) -> str:
        if self.language == FIRST:
            return sentence
        for text, end in ((sentence, ""), (sentence.removesuffix("."), ".")):
            if (found := self.text(text)) != text:
                return found + end
        for pattern, translation in _patterns(self.language):
            if match := pattern.fullmatch(sentence):
                return translation % match.groupdict()
        return sentence

    def fault(self, detail: str) -> str:
        """Return what is wrong with a row of a file in the reader's language: sentences with their columns."""
        return " ".join(self._of_column(one) for one in _COLUMN.split(detail))

    def _of_column(self, sentence: str) -> str:
        column, colon, said = sentence.partition(": ")
        begun = said[:1].upper() + said[1:]
        if not said or (found := self.sentence(begun)) == begun:
            return self.sentence(sentence)
        return f"{column}{colon}{found[0].lower()}{found[1:]}"

    def filled(self, text: str, **values: str) -> str:
        """Return a text in the reader's language with values in the places named `%(name)s`, each as it is."""
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), self.text(text))

    def texts(self, one: str, many: str, number: int) -> str:
        """Return a text for a number of things in the reader's language."""
        return catalogue_of(self.language).ngettext(one, many, number)

    def day(self, day: date) -> str:
        """Return a day written out, with its weekday if it is near."""
        near = abs((day - clock.day_in(self.zone, self.now)).days) <= NEAR
        return dates.format_date(day, "full" if near else "long", self.locale)

    def long_day(self, day: date) -> str:
        """Return a day written out, without its weekday."""
        return f"{day.day} {day:%B %Y}" if self.language == FIRST else _long_day(day, LOCALES[self.language])

    def weekday(self, day: date) -> str:
        """Return the name of a day's weekday."""
        return f"{day:%A}" if self.language == FIRST else str(dates.format_date(day, "EEEE", self.locale))

    def short_day(self, day: date) -> str:
        """Return a day for a table, with its weekday if it is near."""
        near = abs((day - clock.day_in(self.zone, self.now)).days) <= NEAR
        return _by_skeleton("yMMMEd" if near else "yMMMd", day, LOCALES[self.language])

    def month(self, day: date) -> str:
        """Return the month of a day, such as "Jan 2027"."""
        return str(dates.format_skeleton("yMMM", day, locale=self.locale))

    def short_month(self, day: date) -> str:
        """Return the month of a day for a chart, such as "Feb", and in January the year."""
        return str(dates.format_skeleton("MMM" if day.month > 1 else "yyyy", day, locale=self.locale))

    def time(self, at: datetime) -> str:
        """Return the time of day of an instant, without its zone: for a place that names the zone."""
        return at.astimezone(ZoneInfo(self.zone)).strftime("%H:%M")

    def moment(self, at: datetime) -> str:
        """Return an instant for a table whose heading names the zone."""
        return f"{self.short_day(clock.day_in(self.zone, at))}, {self.time(at)}"

    def instant(self, at: datetime) -> str:
        """Return an instant with its zone."""
        return f"{self.day(clock.day_in(self.zone, at))}, {self.time(at)} ({self.zone_at(at)})"

    def zone_at(self, at: datetime) -> str:
        """Return the name of the zone, in an hour that clocks repeat with its difference from UTC."""
        local = at.astimezone(ZoneInfo(self.zone))
        twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
        repeated = twice and local.replace(fold=0).astimezone(UTC) < local.replace(fold=1).astimezone(UTC)
        return f"{self.zone}, UTC{local.replace(microsecond=0).isoformat()[19:]}" if repeated else self.zone

    def written(self, day: date) -> str:
        """Return a day written out, such as "6 July 2026", the same whenever it is read: for papers and mails."""
        return dates.format_date(day, "long", self.locale)

    def exactly(self, at: datetime) -> str:
        """Return an instant as `written` does, to the minute and with its zone: "6 July 2026, 09:00 (Europe/Oslo)"."""
        return f"{self.written(clock.day_in(self.zone, at))}, {self.time(at)} ({self.zone_at(at)})"

    def until(self, at: datetime) -> str:
        """Return an end that never contradicts the instant: a day for what is good to its end, else the hour too."""
        return self.written(clock.last_day_in(self.zone, at)) if clock.is_whole_day(self.zone, at) else self.exactly(at)

    def since(self, at: datetime) -> str:
        """Return a beginning: a day for what is good from its beginning, else the hour too."""
        return self.written(clock.day_in(self.zone, at)) if clock.is_whole_day(self.zone, at) else self.exactly(at)

    def short_until(self, at: datetime) -> str:
        """Return `until` for a table whose heading names the zone."""
        return self.short_day(clock.last_day_in(self.zone, at)) if self._is_whole(at) else self.moment(at)

    def short_since(self, at: datetime) -> str:
        """Return `since` for a table whose heading names the zone."""
        return self.short_day(clock.day_in(self.zone, at)) if self._is_whole(at) else self.moment(at)

    def _is_whole(self, at: datetime) -> bool:
        return clock.is_whole_day(self.zone, at)

    def number(self, number: int) -> str:
        """Return a number with the separators of the language."""
        return numbers.format_decimal(number, locale=self.locale)

    def percent(self, part: int, whole: int) -> str:
        """Return a share in percent, rounded down: 99.9 is not all."""
        return numbers.format_percent((100 * part // whole if whole else 0) / 100, locale=self.locale)


@lru_cache(10_000)
def _by_skeleton(skeleton: str, day: date, locale: str) -> str:
    """Return a day in a form of the locale. A page has one day many times, and each takes as long as ten cells."""
    return str(dates.format_skeleton(skeleton, day, locale=_locale(locale)))


@lru_cache(10_000)
def _long_day(day: date, locale: str) -> str:
    return str(dates.format_date(day, "long", _locale(locale)))


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


_NOBODY = Words(FIRST, "UTC", datetime(1970, 1, 1, tzinfo=UTC))
_reader: ContextVar[Words] = ContextVar("reader", default=_NOBODY)


def reader() -> Words:
    """Return the words of the reader for whom a page is being rendered."""
    return _reader.get()


class reading:
    """The reader of the texts that are rendered in a block."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def __enter__(self) -> None:
        self._token = _reader.set(self._words)

    def __exit__(self, *_: object) -> None:
        _reader.reset(self._token)


def N_(text: str) -> str:
    """Mark a text for the catalogue where there is no reader yet. Templates translate it with `_(...)`."""
    return text
