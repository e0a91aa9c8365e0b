"""Days as files write them. All days of a column are in one form, so one that has one meaning decides for the others.

2026-12-31, 31.12.2026 and 31 Dec 2026 have one meaning. 03/04/2026 has two, until another day of the column cannot be
read in one of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

AMBIGUOUS = "must be a day, such as 2026-11-26; here nothing tells the day from the month."
NO_DAY = "must be a day, such as 2026-11-26."

_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.A
)
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?", re.A)
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?(?: ?[AP]M)?)?", re.A | re.I)
_NAMED = re.compile(r"(\d{1,2})[ .-]{1,2}([A-Za-z]{3,9})[ .,-]{1,2}(\d{4})", re.A)
_NAMED_FIRST = re.compile(r"([A-Za-z]{3,9}) (\d{1,2}),? (\d{4})", re.A)
_NUMBER = re.compile(r"\d{5}(?:\.\d+)?", re.A)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_EPOCH = date(1899, 12, 30)
"""Day 0 of workbooks."""


@dataclass(frozen=True)
class Order:
    """The order in which a column writes days with slashes. day_first: None if nothing decides it.

    numbers: a bare number is the number of a day, as in workbooks.
    """

    day_first: bool | None = None
    numbers: bool = False


def order_of(cells: Iterable[str], *, numbers: bool = False) -> Order:
    """Returns the order of a column's days. Days that cannot all be read in one order leave it undecided."""
    day_first = month_first = False
    for cell in cells:
        if found := _SLASHED.fullmatch(cell):
            day_first = day_first or int(found[1]) > 12
            month_first = month_first or int(found[2]) > 12
    return Order(day_first if day_first != month_first else None, numbers)


def iso(text: str, order: Order) -> str:
    """Returns a day in the form 2026-12-31. Raises ValueError, whose text is a sentence that quotes nothing."""
    if found := _ISO.fullmatch(text):
        return _day(found[1], found[2], found[3])
    if found := _DOTTED.fullmatch(text):
        return _day(found[3], found[2], found[1])
    if found := _SLASHED.fullmatch(text):
        return _slashed(found[1], found[2], found[3], order)
    if (found := _NAMED.fullmatch(text)) and (month := _month(found[2])):
        return _day(found[3], month, found[1])
    if (found := _NAMED_FIRST.fullmatch(text)) and (month := _month(found[1])):
        return _day(found[3], month, found[2])
    if order.numbers and _NUMBER.fullmatch(text):
        return (_EPOCH + timedelta(days=int(float(text)))).isoformat()
    raise ValueError(NO_DAY)


def _slashed(first: str, second: str, year: str, order: Order) -> str:
    if order.day_first is None and int(first) != int(second):
        raise ValueError(AMBIGUOUS)
    return _day(year, second, first) if order.day_first else _day(year, first, second)


def _day(year: str, month: str | int, day: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise ValueError(NO_DAY) from None


def _month(name: str) -> int | None:
    small = name.lower()
    names = _LONG if small in _LONG else _MONTHS
    return names.index(small) + 1 if small in names else None
