"""Workbooks (XLSX) written row by row: a million rows in the memory of a few.

Beside `shared/sheets`, which reads files and writes CSV. A cell is always given as the text that it has in CSV; its
column's kind says what it becomes: a day is a day and an instant an instant, which a spreadsheet sorts and subtracts.
All other text stays text, also `=1+1` and `007`, when it is written and when somebody edits it: its columns have the
format of text. Instants are in UTC, which the format of their cells names, because a spreadsheet knows no zones.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import IO, Any, NamedTuple

from rustpy_xlsxwriter import FastExcel, Format

MOST_ROWS = 1_048_575
"""Rows that a worksheet holds below its header."""

MOST_CHARACTERS = 32_767
"""UTF-16 units that a cell holds. The rest is cut off, which the last character shows: …"""

_ESCAPED = re.compile(r"'+[=+\-@\t\r]")

INSTANTS = 'yyyy-mm-dd hh:mm:ss" UTC"'


class Kind(StrEnum):
    """The kind of the values of a column."""

    TEXT = "text"
    DAY = "day"
    INSTANT = "instant"
    FLAG = "flag"
    NUMBER = "number"


class Heading(NamedTuple):
    """The heading of a column."""

    name: str
    kind: Kind


def write(file: IO[bytes], title: str, headings: Sequence[Heading], rows: Iterable[Sequence[str]]) -> None:
    """Write a workbook with one sheet into an empty temporary file, which has no name.

    title: of the sheet; at most 31 characters of it are shown. rows: the texts of their cells, in the order of the
    headings, which have different names.
    """
    formats = {name: Format().set_num_format(_FORMATS[kind]) for name, kind in headings if kind in _FORMATS}
    widths = {name: float(max(_WIDTHS.get(kind, 24), len(name) + 4)) for name, kind in headings}
    # A path, although the library also takes a file: it would hold the whole workbook in memory.
    workbook = FastExcel(f"/dev/fd/{file.fileno()}", output_format="xlsx").freeze(row=1)
    workbook.sheet(
        title[:31],
        _records(headings, rows),
        column_formats=formats,
        column_widths=widths,
        header_format=Format().set_bold(),
        autofilter=True,
    ).save()


def _records(headings: Sequence[Heading], rows: Iterable[Sequence[str]]) -> Iterator[dict[str, Any]]:
    """Yields the rows as the library takes them: an empty one if there is none, because they bring the header."""
    names = [name for name, _ in headings]
    readers = [_READERS[kind] for _, kind in headings]
    row = None
    for row in rows:
        yield {name: read(cell) if cell else None for name, read, cell in zip(names, readers, row, strict=True)}
    if row is None:
        yield dict.fromkeys(names)


def _text(cell: str) -> str:
    """Returns the text of a cell, with an apostrophe before one that reads as if CSV had escaped it.

    So it comes back as it was: whoever reads a file takes one away, as a CSV may have been saved as a workbook.
    """
    if cell.startswith("'") and _ESCAPED.match(cell):
        cell = f"'{cell}"
    if len(cell) * 2 <= MOST_CHARACTERS:
        return cell
    units = cell.encode("utf-16-le")
    return (
        cell
        if len(units) <= 2 * MOST_CHARACTERS
        else units[: 2 * MOST_CHARACTERS - 2].decode("utf-16-le", "ignore") + "…"
    )


def _day(cell: str) -> date | str:
    day = date.fromisoformat(cell)
    return day if day.year > 1900 else cell  # the calendar of spreadsheets begins there, with a day that never was


def _instant(cell: str) -> datetime | str:
    at = datetime.fromisoformat(cell).astimezone(UTC).replace(tzinfo=None)
    return at if at.year > 1900 else cell


def _number(cell: str) -> int | float | str:
    number = float(cell) if "." in cell or "e" in cell else int(cell)
    return number if abs(number) < 2**53 else cell  # as a float it would be another one


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: _text,
    Kind.DAY: _day,
    Kind.INSTANT: _instant,
    Kind.FLAG: "true".__eq__,
    Kind.NUMBER: _number,
}
_FORMATS = {Kind.TEXT: "@", Kind.DAY: "yyyy-mm-dd", Kind.INSTANT: INSTANTS}
_WIDTHS = {Kind.DAY: 12, Kind.INSTANT: 26, Kind.FLAG: 10, Kind.NUMBER: 12}
