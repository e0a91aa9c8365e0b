"""The rows of a body in any format: JSON for programs, NDJSON for streams, CSV and workbooks for people.

A row that cannot be read becomes one with a sentence, and fails alone. A body that cannot be parsed is refused whole.
A sentence quotes nothing of a row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson

from shared.errors import Fault, InvalidInput
from shared.sheets import cells, days
from shared.sheets.cells import Line, NotReadable, unescaped
from shared.sheets.columns import Columns, Fields, Meanings
from shared.sheets.tables import CSV, XLSX, Opened, Table, open_file, table_of

JSON = "application/json"
NDJSON = "application/x-ndjson"
MEDIA_TYPES = (JSON, NDJSON, CSV, XLSX)
"""The media types in which rows are taken. A workbook that is sent as CSV is read as what it is."""

FORMULA = "This cell has a formula without a saved value; open the file in a spreadsheet program and save it there."

Value = Callable[[str, str, str], object]
"""Returns the value of a cell as the field's JSON would have it. It takes the field, the text, and the separator."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One row before it is validated. n: its number, from 1. line: of the file, or None.

    value: as a dictionary. detail: why it cannot be read, or "". field: where.
    """

    n: int
    line: int | None
    value: object = None
    detail: str = ""
    field: str = ""


@dataclass(frozen=True)
class Contents:
    """The rows of a body. columns: of a file; of other bodies none. notes: sentences about the file as a whole."""

    rows: Iterator[Raw]
    columns: Columns = field(default_factory=lambda: Columns({}, {}, []))
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Body:
    """A body with rows. media_type: one of MEDIA_TYPES. charset: as its sender states it. sheet: of a workbook.

    now_said: the fields of columns by their names, as this request says. opened: the file, if it was opened already.
    """

    media_type: str
    content: bytes
    charset: str | None = None
    sheet: str | None = None
    now_said: Meanings = field(default_factory=dict)
    opened: Opened | None = None

    @property
    def is_file(self) -> bool:
        """True for a CSV file and a workbook."""
        return self.media_type in (CSV, XLSX)


def opened_of(body: Body) -> Opened:
    """Returns the file, opened. Raises InvalidInput."""
    try:
        return body.opened or open_file(body.content, body.charset)
    except NotReadable as error:
        raise refused(str(error)) from None


def table_in(body: Body, fields: Fields, said: Meanings) -> Table:
    """Returns the table of a file, also where its columns have a fault. Raises InvalidInput."""
    now_said = {cells.column_key(name): meant for name, meant in body.now_said.items()}
    try:
        return table_of(opened_of(body), fields, said, now_said, body.sheet)
    except NotReadable as error:
        raise refused(str(error)) from None


def contents_of(body: Body, fields: Fields, said: Meanings, value: Value) -> Contents:
    """Returns the rows of a body. said: the fields of columns as they are remembered, by key. Raises InvalidInput."""
    if not body.is_file:
        return Contents(_bounded(json_rows(body, fields), fields))
    table = table_in(body, fields, said)
    if table.columns.fault:
        raise refused(table.columns.fault)
    return Contents(_bounded(_rows(table, fields, value), fields), table.columns, table.notes)


def json_rows(body: Body, fields: Fields) -> Iterator[Raw]:
    """Returns the rows of JSON or NDJSON. Raises InvalidInput."""
    return _JSON_READERS[body.media_type](body.content, fields)


def refused(why: str) -> InvalidInput:
    """Returns the refusal of a whole body."""
    return InvalidInput(Fault("", why))


def _bounded(rows: Iterator[Raw], fields: Fields) -> Iterator[Raw]:
    try:
        for row in rows:
            if row.n > fields.most:
                raise refused(
                    f"A request may hold at most {fields.most:,} {fields.several}; send the others in another one."
                )
            yield row
    except NotReadable as error:
        raise refused(str(error)) from None


def _rows(table: Table, fields: Fields, value: Value) -> Iterator[Raw]:
    """Yields the rows below the header. A cell that a short row lacks is not mentioned; an empty one is."""
    places = {place: name for place, name in table.columns.fields.items() if name in fields.days}
    rows, orders = table.rows, dict[str, days.Order]()
    if places:
        known = list(rows)
        rows = iter(known)
        numbers = table.opened.separator is None
        for place, name in places.items():
            given = (line.cells[place] for line in known if line.cells and place < len(line.cells))
            orders[name] = days.order_of(given, numbers=numbers)
    read = _Row(table, orders, value, table.opened.separator or "")
    return (read.raw(n, line) for n, line in enumerate(rows, start=1))


@dataclass(frozen=True)
class _Row:
    """Reads the rows of one table. orders: of the columns with days, by field."""

    table: Table
    orders: dict[str, days.Order]
    value: Value
    separator: str

    def raw(self, n: int, line: Line) -> Raw:
        """Return a row."""
        given, width = line.cells, len(self.table.header)
        if given is None:
            return Raw(n, line.number, detail=cells.BAD_LINE)
        if self.table.opened.separator is None:  # all rows of a sheet are as wide, and notes may stand beside the table
            given = (*given, *[""] * (width - len(given)))
        elif any(given[width:]):
            return Raw(n, line.number, detail=f"This row has {len(given)} cells, but there are {width} columns.")
        found: dict[str, object] = {}
        detail = wrong = ""
        for place, name in self.table.columns.fields.items():
            if place < len(given):
                cell = given[place]
                try:
                    if not cell:
                        self._need_no_formula(place, line.number)
                    elif cells.is_lost(cell):
                        raise ValueError(cells.BAD_CELL)
                    text = unescaped(cell) if cell.startswith("'") else cell
                    order = self.orders.get(name)
                    found[name] = days.iso(text, order) if order and text else self.value(name, text, self.separator)
                except ValueError as error:
                    detail, wrong = detail or str(error), wrong or name
        return Raw(n, line.number, found, detail, wrong)

    def _need_no_formula(self, place: int, number: int) -> None:
        """Raise ValueError if an empty cell has a formula, whose value was not saved."""
        empty = self.table.tab.empty_formulas
        if empty and f"{_letters(place)}{number}" in empty:
            raise ValueError(FORMULA)


def _letters(place: int) -> str:
    """Returns the letters of a column, such as AB. place: from 0."""
    letters = ""
    while place >= 0:
        place, letter = place // 26 - 1, place % 26
        letters = chr(65 + letter) + letters
    return letters


def _json(body: bytes, fields: Fields) -> Iterator[Raw]:
    try:
        document = orjson.loads(_in_utf8(body))
    except orjson.JSONDecodeError:
        raise refused("The body is not valid JSON.") from None
    name = fields.several
    if not isinstance(document, dict) or document.keys() != {name}:
        raise refused(f'The body must be an object with one member, {{"{name}": [...]}}.')
    if not isinstance(document[name], list):
        raise InvalidInput(Fault(f"/{name}", f"Must be an array of {name}."))
    return (Raw(n, None, value) for n, value in enumerate(document[name], start=1))


def _ndjson(body: bytes, _: Fields) -> Iterator[Raw]:
    """Yields one row for each line that is not blank."""
    lines = enumerate(_in_utf8(body).splitlines(), start=1)
    for n, (line, text) in enumerate(((line, text) for line, text in lines if text.strip()), start=1):
        try:
            yield Raw(n, line, orjson.loads(text))
        except orjson.JSONDecodeError:
            yield Raw(n, line, detail="This line is not valid JSON in UTF-8.")


def _in_utf8(body: bytes) -> bytes:
    """Returns the body in UTF-8 without a byte order mark, which spreadsheets and Windows write before any text."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace").encode("utf-8", "replace")
    return body.removeprefix(b"\xef\xbb\xbf")


_JSON_READERS: dict[str, Callable[[bytes, Fields], Iterator[Raw]]] = {JSON: _json, NDJSON: _ndjson}
