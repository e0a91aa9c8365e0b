"""Cells and lines: how names of columns are compared, and how cells are defused for spreadsheets and taken back."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

ROWS = 200_000
COLUMNS = 702
"""Bounds of a table, empty lines included. The last column is ZZ."""

BOM = "\ufeff"
BAD_CELL = "This cell has a byte that its file's encoding does not know; correct the cell, or save the file as UTF-8."
BAD_LINE = "This line cannot be read; look at its quotation marks and at the length of its cells."

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_BETWEEN = re.compile(r"[\W_]+")
_LOST = re.compile("[\ud800-\udfff\ufffd]")


class NotReadable(Exception):
    """The body is no table. Its own text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, or a row of a sheet. number: from 1. cells: stripped; None: it cannot be read."""

    number: int
    cells: tuple[str, ...] | None


def column_key(name: str) -> str:
    """Returns the form in which names of columns are compared: letters and digits only, without case and accents."""
    apart = unicodedata.normalize("NFKD", name).casefold()
    return _BETWEEN.sub("", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def is_lost(cell: str) -> bool:
    """True if a byte of the cell could not be read, or was lost in an earlier conversion."""
    return not cell.isascii() and _LOST.search(cell) is not None


def lost_in(text: str) -> int:
    """Returns the number of bytes of a text that could not be read."""
    return len(_LOST.findall(text)) - text.count("\ufffd")


def escaped(text: str) -> str:
    """Returns the text of a cell, with an apostrophe before it if a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped(cell: str) -> str:
    """Returns the text that `escaped` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def line(cells: Sequence[str], separator: str = ",") -> str:
    """Returns one line of CSV."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerow(cells)
    return buffer.getvalue()
