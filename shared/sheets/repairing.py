"""Rows to repair: the file that was sent with only the rows that did not go in, and the reasons in a last column."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence

from shared import workbooks
from shared.sheets import cells
from shared.sheets.columns import Fields, Meanings
from shared.sheets.contents import Body, json_rows, table_in
from shared.sheets.tables import Opened

ERROR_COLUMN = "Rollcall says"


def placed(line: int | None, column: str | None, detail: str) -> str:
    """Returns a fault with its place in the file."""
    place = ", ".join(each for each in (f"line {line}" if line else "", column) if each)
    return f"{place}: {detail}" if place else detail


def rows_to_repair(body: Body, fields: Fields, said: Meanings, reasons: Mapping[int, Sequence[str]]) -> bytes:
    """Returns the file with only these rows, by number, and their reasons: CSV as it was written, or a workbook.

    A reason of an earlier import is replaced. A line that cannot be read has no cells here, only its reason. Rows of
    JSON come as CSV.
    """
    if not body.is_file:
        return _csv(list(_of_json(body, fields, reasons)), Opened([], ",", "utf-8"))
    table = table_in(body, fields, said)
    defused = str if table.opened.separator is None else cells.escaped
    kept = [place for place, name in enumerate(table.header) if name != ERROR_COLUMN]

    def rows() -> Iterator[list[str]]:
        for n, row in enumerate(table.rows, start=1):
            if n in reasons:
                given = [defused(cells.unescaped(cell)) for cell in row.cells or ()]
                yield [*(given[place] if place < len(given) else "" for place in kept), " ".join(reasons[n])]

    header = [*(table.header[place] for place in kept), ERROR_COLUMN]
    if table.opened.separator is None:
        return _workbook(header, rows())
    return _csv([header, *rows()], table.opened)


def _of_json(body: Body, fields: Fields, reasons: Mapping[int, Sequence[str]]) -> Iterator[list[str]]:
    names = list(fields.synonyms)
    yield [*names, ERROR_COLUMN]
    for raw in json_rows(body, fields):
        if raw.n in reasons:
            value = raw.value if isinstance(raw.value, dict) else {}
            yield [*(cells.escaped(_text(value.get(name))) for name in names), " ".join(reasons[raw.n])]


def _text(value: object) -> str:
    if isinstance(value, list):
        return "|".join(map(_text, value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _csv(lines: Sequence[Sequence[str]], opened: Opened) -> bytes:
    """Returns the lines with the separator and in the encoding of the file, or in UTF-8 if it has not all letters."""
    text = "".join(cells.line(line, opened.separator or ",") for line in lines)
    found = opened.encoding or "utf-8"
    if found == "utf-8":
        return (cells.BOM + text).encode("utf-8", "surrogateescape")
    if found.startswith("utf-16"):
        return (text if found == "utf-16" else cells.BOM + text).encode(found, "replace")
    try:
        return text.encode("cp1252" if found == "windows-1252" else found, "surrogateescape")
    except UnicodeEncodeError:
        return (cells.BOM + text).encode("utf-8", "surrogateescape")


def _workbook(header: Sequence[str], rows: Iterator[list[str]]) -> bytes:
    names: list[str] = []
    for name in header:
        same = sum(each.partition(" (")[0] == (name or "Column") for each in names)
        names.append(f"{name or 'Column'} ({same + 1})" if same else name or "Column")
    headings = [workbooks.Heading(name, workbooks.Kind.TEXT) for name in names]
    with tempfile.TemporaryFile() as file:
        workbooks.write(file, "Rows to repair", headings, rows)
        file.seek(0)
        return file.read()
