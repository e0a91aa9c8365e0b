"""CSV: tables of text in any usual encoding, with any usual separator.

A byte or a quotation mark that cannot be read spoils its own line only.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from shared.sheets.cells import COLUMNS, ROWS, Line, NotReadable

SEPARATORS = (",", ";", "\t")
LOOKED_AT = 50
"""Lines by which the separator is found."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')


def lines_of(text: str) -> tuple[str, Iterator[Line]]:
    """Returns the separator, and the lines, which can be read once.

    A line whose cells are all empty is left out. Reading them raises NotReadable.
    """
    said = _SEPARATOR_LINE.match(text)
    if said:
        text = text[said.end() :]
    separator = said[1] if said else _separator(text)
    return separator, _lines(text, separator, 1 if said else 0)


def _separator(text: str) -> str:
    """Returns the separator that gives most of the first lines the same number of cells, above one; else a comma.

    csv.Sniffer fails for a file with one column, and takes a letter for the separator where it may.
    """
    return max(SEPARATORS, key=lambda separator: _agreement(text, separator))


def _agreement(text: str, separator: str) -> tuple[int, int]:
    """Returns the number of the first lines that have the commonest number of cells, and this number."""
    try:
        read = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), LOOKED_AT))
    except csv.Error:
        return 0, 0
    widths = Counter(len(cells) for cells in read if len(cells) > 1)
    if not widths:
        return 0, 0
    return max((count, width) for width, count in widths.items())


def _lines(text: str, separator: str, before: int) -> Iterator[Line]:
    """Yields each record with the line on which it begins.

    Raises NotReadable for a quotation mark that is never closed: nobody can say where its cell should have ended; and
    for more lines or columns than a table may have, because a small file of empty ones takes long.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        begins = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise NotReadable(f"Line {begins} opens a quotation mark that is never closed.") from None
            yield Line(begins, None)
        else:
            if reader.line_num > ROWS or len(cells) > COLUMNS:
                raise NotReadable(f"Line {begins}: a file may have at most {ROWS:,} lines and {COLUMNS} columns.")
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped):
                yield Line(begins, stripped)
