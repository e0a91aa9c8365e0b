"""Tables of text as spreadsheets write them: CSV in any usual encoding, with any usual separator.

This module knows nothing of parties. It finds the encoding, the separator, the header and the rows with their lines,
and escapes cells that a spreadsheet would run as formulas. A byte or a quotation mark that cannot be read spoils its
own row only.

Weighed: `csv.Sniffer` fails for a file with one column. charset-normalizer takes a short Windows-1252 file for cp1250
or gb18030. Here the choice is among a few separators and encodings, by rule.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t")
BOM = "\ufeff"
BAD_CELL = "This cell has a byte that its file's encoding does not know; correct the cell, or save the file as UTF-8."
BAD_LINE = "This line cannot be read; look at its quotation marks and at the length of its cells."

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')
_BETWEEN = re.compile(r"[\W_]+")
_LOST = re.compile("[\ud800-\udfff\ufffd]")


class NotReadable(Exception):
    """The text is no table. Its own text is a sentence for people."""


@dataclass(frozen=True)
class Row:
    """One row below the header. n: its number, from 1. line: where it begins. cells: stripped; None: cannot be read."""

    n: int
    line: int
    cells: tuple[str, ...] | None


@dataclass(frozen=True)
class Sheet:
    """A table. header: the names of its columns, without empty ones at the end. rows: can be read once."""

    header: tuple[str, ...]
    rows: Iterator[Row]
    separator: str
    encoding: str


def read(body: bytes, charset: str | None = None) -> Sheet:
    """Returns the table in a CSV file. charset: as the sender states it; None: unknown. Raises NotReadable.

    Rows whose cells are all empty are left out, wherever they stand.
    """
    text, encoding = decoded(body, charset)
    skipped = _SEPARATOR_LINE.match(text)
    if skipped:
        text = text[skipped.end() :]
    separator = skipped[1] if skipped else _separator(text)
    records = _records(text, separator, 1 if skipped else 0)
    for _, first in records:
        if first is None:
            raise NotReadable("The first line, which must name the columns, cannot be read.")
        header = [cell.strip() for cell in first]
        while header and not header[-1]:
            header.pop()
        if header:
            return Sheet(tuple(header), _rows(records), separator, encoding)
    return Sheet((), iter(()), separator, encoding)


def column_key(name: str) -> str:
    """Returns the form in which names of columns are compared: letters and digits only, without case and accents."""
    apart = unicodedata.normalize("NFKD", name).casefold()
    return _BETWEEN.sub("", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def is_lost(cell: str) -> bool:
    """True if a byte of the cell could not be read, or was lost in an earlier conversion."""
    return _LOST.search(cell) is not None


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


def decoded(body: bytes, charset: str | None = None) -> tuple[str, str]:
    """Returns the text and the name of its encoding. A byte that is none of it becomes a lone surrogate or U+FFFD.

    Without a stated charset or a byte order mark the text is UTF-8 if it can be. If it cannot, it is UTF-8 with bad
    bytes where most of its characters beyond ASCII are good UTF-8, and otherwise Windows-1252.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        return body[3:].decode("utf-8", "surrogateescape"), "utf-8"
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace"), "utf-16"
    if charset and charset.lower() in ("windows-1252", "cp1252", "iso-8859-1", "latin1", "latin-1"):
        return body.decode("cp1252", "surrogateescape"), "windows-1252"
    for encoding, zeros, letters in (("utf-16-le", body[1::2], body[::2]), ("utf-16-be", body[::2], body[1::2])):
        if zeros.count(0) * 2 > len(zeros) and letters.count(0) * 2 < len(letters):
            return body.decode(encoding, "replace"), encoding
    text = body.decode("utf-8", "surrogateescape")
    bad = len(_LOST.findall(text)) - text.count("\ufffd")
    good = sum(not character.isascii() for character in text) - bad if bad else 0
    if bad > good and not charset:
        return body.decode("cp1252", "surrogateescape"), "windows-1252"
    return text, "utf-8"


def _separator(text: str) -> str:
    """Returns the separator that gives the first line that is not blank the most cells; a comma if none does."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    return max(
        SEPARATORS, key=lambda separator: len(next(csv.reader(io.StringIO(first, newline=""), delimiter=separator), []))
    )


def _records(text: str, separator: str, line_before: int) -> Iterator[tuple[int, list[str] | None]]:
    """Yields each record with the line on which it begins, and None for one that cannot be read.

    Raises NotReadable for a quotation mark that is never closed: nobody can say where its cell should have ended.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        begins = line_before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error):
                raise NotReadable(f"Line {begins} opens a quotation mark that is never closed.") from None
            yield begins, None
        else:
            yield begins, cells


def _rows(records: Iterator[tuple[int, list[str] | None]]) -> Iterator[Row]:
    n = 0
    for begins, cells in records:
        stripped = None if cells is None else tuple(cell.strip() for cell in cells)
        if stripped is None or any(stripped):
            n += 1
            yield Row(n, begins, stripped)
