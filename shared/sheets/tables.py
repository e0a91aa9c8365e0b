"""The table in a CSV file or a workbook: its columns, their fields, and its rows with their places."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice

from shared.sheets import bounded
from shared.sheets.cells import Line, NotReadable, unescaped
from shared.sheets.columns import Columns, Fields, Meanings, match
from shared.sheets.encodings import decoded
from shared.sheets.headers import SOUGHT_IN, Across, Header, find
from shared.sheets.separated import lines_of

CSV = "text/csv"
XLSX = bounded.XLSX
USUAL_ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "windows-1252")


@dataclass(frozen=True)
class Tab:
    """A CSV file, or one sheet of a workbook. lines: begins to read it. name: of the sheet. notes: sentences about it.

    empty_formulas: cells whose formula has no stored value, such as C7.
    """

    lines: Callable[[], Iterator[Line]]
    name: str | None = None
    across: Across = ()
    notes: tuple[str, ...] = ()
    empty_formulas: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Opened:
    """A file that was opened. tabs: its tables. separator, encoding: of a CSV file; else None."""

    tabs: Sequence[Tab]
    separator: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Table:
    """A table. header: names of its columns. columns: what they mean. line: of the header. rows: can be read once.

    notes: sentences that somebody should read before the rows go in. opened: the file.
    """

    header: tuple[str, ...]
    columns: Columns
    line: int
    rows: Iterator[Line]
    notes: tuple[str, ...]
    opened: Opened
    tab: Tab = field(repr=False)

    def sample(self, count: int = 3) -> list[tuple[int, dict[str, str]]]:
        """Return the first rows that can be read: the line of each, and its cells by the name of the column."""
        first = list(islice(self.rows, 20))
        object.__setattr__(self, "rows", chain(first, self.rows))
        rows = [line for line in first if line.cells is not None][:count]
        named = [(row.number, dict(zip(self.header, map(unescaped, row.cells or ()), strict=False))) for row in rows]
        return [(number, {name: cell for name, cell in cells.items() if name}) for number, cells in named]


def open_file(body: bytes, charset: str | None = None) -> Opened:
    """Open a CSV file or a workbook, whichever it is. charset: of text, as its sender states it. Raises NotReadable.

    It may take seconds for a large workbook, and holds no transaction.
    """
    if bounded.is_zip(body):
        return _workbook(body)
    text, encoding = decoded(body, charset)
    separator = lines_of(text)[0]
    notes = () if encoding in USUAL_ENCODINGS else (f"The file was read as {encoding}; look at names with accents.",)
    return Opened([Tab(lambda: lines_of(text)[1], notes=notes)], separator, encoding)


def _workbook(body: bytes) -> Opened:
    sheets, inside = bounded.sheets_of(body)
    formulas = ("Formulas were read as the values that were saved with them.",) if inside.formulas else ()
    merged = "A merged cell was read as if each of its rows had its value."
    return Opened(
        [
            Tab(
                partial(_rows, sheet["rows"]),
                sheet["name"],
                sheet["across"],
                (*formulas, *((merged,) if sheet["filled"] else ())),
                inside.empty,
            )
            for sheet in sheets
        ]
    )


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    return (Line(n, tuple(cells)) for n, cells in enumerate(rows, start=1) if any(cells))


def table_of(opened: Opened, fields: Fields, said: Meanings, now_said: Meanings, sheet: str | None = None) -> Table:
    """Returns the table with the fields of a noun. said, now_said: as in `match`. sheet: its name, if that was given.

    Its columns have a fault if rows cannot be read from them. Raises NotReadable.
    """
    tabs = [tab for tab in opened.tabs if sheet is None or tab.name == sheet]
    if not tabs:
        raise NotReadable("There is no visible sheet of that name with anything in it.")
    tables = [_table(opened, tab, partial(match, fields, said=said, now_said=now_said)) for tab in tabs]
    whole = [n for n, table in enumerate(tables) if table.columns.fault is None]
    if len(whole) > 1:
        raise NotReadable(
            f"Sheets {whole[0] + 1} and {whole[1] + 1} of the workbook both have these columns; keep one of them, or "
            f"name the one that is meant (`?sheet=`, `--sheet`)."
        )
    table = tables[whole[0] if whole else 0]
    if len(tables) == 1:
        return table
    others = ", ".join(str(tab.name) for tab in tabs if tab is not table.tab)
    return replace(table, notes=(f"The sheet {table.tab.name} was read; passed over: {others}.", *table.notes))


def _table(opened: Opened, tab: Tab, matching: "partial[Columns]") -> Table:
    lines = tab.lines()
    first = list(islice(lines, SOUGHT_IN))
    header = find(first, matching, tab.across)
    if header.columns.fault and first and first[0].cells is None:
        raise NotReadable("The first line, which must name the columns, cannot be read.")
    return Table(
        header.names,
        header.columns,
        header.line,
        chain(first[header.lines :], lines),
        (*_notes_of(header), *tab.notes),
        opened,
        tab,
    )


def _notes_of(header: Header) -> Iterator[str]:
    if header.columns.fault is None and header.lines > 1:
        yield f"The columns are named in line {header.line}; rows begin below it."
