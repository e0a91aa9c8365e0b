"""Lines of CSV that PostgreSQL writes itself (COPY), for lists of which somebody exports a million rows.

Python needs twenty times as long for a row: an entity, an answer, its JSON, cells. The lines are the same, byte by
byte; `tests/assignments/test_exports.py` compares them. A list declares an expression for each column, and here it gets
the form of a cell: an apostrophe before what a spreadsheet would take for a formula, instants as in JSON.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, DateTime, Select, Text, bindparam, case, func, literal, select, tuple_
from sqlalchemy.orm import Session

from shared.pagination import Place, Rows, Sought

_READERS: Mapping[type[Any], Callable[[str], Any]] = {uuid.UUID: uuid.UUID, date: date.fromisoformat}
_DANGEROUS = [ord(first) for first in "'=+-@\t\r"]
_FORMULA = r"^'*[-=+@\t\r]"


@dataclass(frozen=True)
class Exported:
    """How a list is exported. cells: the expression of each column, by its name.

    words: the columns whose cells are words of the code, never a person's text. They are never empty, and a spreadsheet
    takes none for a formula, so they need no form. order: the columns of its order, uuids and dates. descending: the
    order of all of them.
    """

    cells: Mapping[str, Any]
    words: Collection[str]
    order: Sequence[Any]
    descending: bool


def pages(
    begin: Callable[[], AbstractContextManager[Session]],
    rows: Rows,
    exported: Exported,
    columns: Sequence[str],
    size: int,
) -> Iterator[list[bytes]]:
    """Yields all rows page by page, as lines for `formed`. begin: opens a transaction for each page."""
    place: Place | None = None
    kept: dict[bool, Any] = {}  # of each page but the first: compiling takes longer than writing a thousand rows
    width, read = len(exported.order), [_READERS[column.type.python_type] for column in exported.order]
    while True:
        further = place is not None
        with begin() as db:
            if isinstance(rows, Sought):
                statement = _statement(db, rows.find(db, place, size).limit(size), exported, columns, further=further)
            else:
                statement = kept.get(further) or _statement(db, rows.limit(size), exported, columns, further=further)
                kept[further] = statement
            lines = _copied(db, statement, place)
        if not lines:
            return
        yield lines
        if len(lines) < size:
            return
        values = lines[-1].decode().rstrip("\n").rsplit(",", width)[1:]
        place = Place([reader(value) for reader, value in zip(read, values, strict=True)], backwards=False)


def ahead(each: Iterator[list[bytes]]) -> Iterator[list[bytes]]:
    """Yields the same pages, of which PostgreSQL writes the next one while the reader takes this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="export") as writing:
        waiting = writing.submit(next, each, None)
        while page := waiting.result():
            waiting = writing.submit(next, each, None)
            yield page


def formed(each: Iterator[list[bytes]], exported: Exported) -> Iterator[bytes]:
    """Yields the CSV of pages: without the values of the order, and with the line ends of CSV.

    A step of its own behind `ahead`, so that PostgreSQL writes the next page meanwhile.
    """
    width = len(exported.order)
    for lines in each:
        yield b"".join([b"%b\r\n" % line.rsplit(b",", width)[0] for line in lines])


def _statement(
    db: Session, rows: Select[*tuple[Any, ...]], exported: Exported, columns: Sequence[str], *, further: bool
) -> Any:
    """Returns the compiled statement of a page, with the values of the order at the end of each row.

    The page is a subquery, so that a value of which the form of a cell asks several things is found once.
    """
    if further:
        key = tuple_(*exported.order)
        last = tuple_(*[bindparam(f"place_{n}", None, type_=column.type) for n, column in enumerate(exported.order)])
        rows = rows.where(key < last if exported.descending else key > last)
    values = [exported.cells[name].label(f"value_{n}") for n, name in enumerate(columns)]
    order = [column.label(f"order_{n}") for n, column in enumerate(exported.order)]
    found = rows.with_only_columns(*values, *order, maintain_column_froms=True).subquery("found")
    cells, after = list(found.c)[: len(values)], list(found.c)[len(values) :]
    in_order = [column.desc() if exported.descending else column for column in after]
    formed = [value if name in exported.words else _cell(value) for name, value in zip(columns, cells, strict=True)]
    written = select(*formed, *after).order_by(*in_order)
    return written.compile(dialect=db.connection().dialect, compile_kwargs={"render_postcompile": True})


def _copied(db: Session, statement: Any, place: Place | None) -> list[bytes]:
    """Returns the lines of a page."""
    given = {f"place_{n}": value for n, value in enumerate(place.values if place else ())}
    cursor = db.connection().connection.cursor()
    with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)", statement.params | given) as copy:
        return [bytes(line) for line in copy]


def _cell(value: Any) -> Any:
    """Returns the expression of a cell; null for an empty text, around which COPY would put quotes."""
    if isinstance(value.type, Boolean):
        return case((value, "true"), (value.is_not(None), "false"))
    if isinstance(value.type, DateTime):
        text = func.to_char(func.timezone("UTC", value), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        return func.replace(text, ".000000Z", "Z")
    if not isinstance(value.type, Text):
        return value
    defused = case((value.regexp_match(_FORMULA), literal("'").concat(value)), else_=value)
    return case((func.ascii(value).in_(_DANGEROUS), defused), else_=func.nullif(value, ""))
