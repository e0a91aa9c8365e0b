"""Keyset pages: a cursor holds the position where the last page ended, so page 10,000 costs as much as page 1.

The cursor is opaque to callers. It holds only the sort values of the last row, never the organization or a filter.
Both are applied anew for every page, so a cursor of another organization reveals nothing.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import sqlakeyset.paging
from sqlakeyset import InvalidPage, Paging, serialize_bookmark, unserialize_bookmark
from sqlakeyset.columns import parse_ob_clause
from sqlakeyset.paging import prepare_paging
from sqlalchemy import BigInteger, Integer, ScalarSelect, Select, TextClause, bindparam, func, literal, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DataError, ProgrammingError, StatementError
from sqlalchemy.orm import Session

from shared import shapes
from shared.errors import Fault, InvalidInput
from shared.shapes import Shape

# Patches a function of sqlakeyset, which has no option for it: whether a page's condition is a row comparison.
# For psycopg 3 the library writes `a >= x AND (a > x OR b > y)`, which reads every row with the same `a` as the page's
# last row: with 50,000 assignments due on one day, all of them. For `(a, b) > (x, y)` PostgreSQL starts at the right
# entry of the index. The library refrains because SQLAlchemy's casts for psycopg 3 break columns of custom types;
# Rollcall sorts by none. `tests/test_pagination.py` fails if the library no longer has this function or calls it.
sqlakeyset.paging.can_use_native_tuples = lambda dialect: dialect.name == "postgresql"

MAX_LIMIT = 500
DEFAULT_LIMIT = 50

MOST_COUNTED = 10_000
"""The largest number that a page names of a list. Above it the page says "more than 10,000"."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Rows in order. next_cursor: the cursor of the next page, or None after the last page.

    previous_cursor: that of the page before, None on the first page and in a list that is only read forward.
    """

    items: list[Item]
    next_cursor: str | None
    previous_cursor: str | None = None


class Place(NamedTuple):
    """Where a page begins: after the row with these values of the order, or before it, for the page before."""

    values: Sequence[Any]
    backwards: bool


@dataclass(frozen=True)
class Sought:
    """A list whose pages are found before their rows are read, because no index serves its conditions and its order.

    every: selects all its rows. find: returns a select of the rows of a page, in which the conditions need not be
    looked for any more. It is given where the page begins, None for the first page, and a number of rows. number:
    returns the number of all rows, at most the one given, as a subquery.
    """

    every: Select[*tuple[Any, ...]]
    find: Callable[[Session, Place | None, int], Select[*tuple[Any, ...]]]
    number: Callable[[int], TextClause]

    def add_columns(self, *columns: Any) -> "Sought":
        """Returns the same list with further columns in its rows, as a select does."""
        return Sought(
            self.every.add_columns(*columns), lambda *where: self.find(*where).add_columns(*columns), self.number
        )


Rows = Select[*tuple[Any, ...]] | Sought
"""A list that can be paged."""


def page(
    db: Session,
    rows: Rows,
    *,
    limit: int,
    cursor: str | None,
    both_ways: bool = False,
) -> Page[Any]:
    """Returns one page of `rows`, whose ORDER BY must name columns that together are unique and never null.

    both_ways: takes and gives cursors of the page before, too.

    For a select of one column the items are its values, otherwise rows. Raises InvalidInput at `?cursor` for a cursor
    that did not come from this list.
    """
    place = _decode(cursor, both_ways)
    try:
        if isinstance(rows, Sought):
            rows = rows.find(db, place, limit + 1)
        return _read(db, rows, place, limit, both_ways)
    except (InvalidPage, DataError, ProgrammingError) as error:
        if cursor is None:
            raise
        raise _bad_cursor() from error
    except StatementError as error:
        if cursor is None or error.orig is None or hasattr(error.orig, "sqlstate"):
            raise
        raise _bad_cursor() from error


def _read(db: Session, rows: Select[*tuple[Any, ...]], place: Place | None, limit: int, both_ways: bool) -> Page[Any]:
    values, backwards = place or Place((), False)
    kinds = backwards, *map(type, values)
    made, given = shapes.kept(rows, kinds, lambda: _Pages(rows, values, backwards, db.connection()))
    found = made.rows(db.connection(), given, values, limit + 1)
    items = [row[0] if made.width == 1 else row for row in found]
    if not both_ways:
        following = made.place_of(found[limit - 1]) if len(found) > limit else None
        return Page(items[:limit], None if following is None else _encode(serialize_bookmark((following, False))))
    turn = Paging(items, limit, backwards, tuple(values) or None, [made.place_of(row) for row in found])
    before = _encode(turn.bookmark_previous) if turn.has_previous else None
    return Page(turn.rows, _encode(turn.bookmark_next) if turn.has_next else None, before)


class _Pages:
    """How the pages of the selects of one shape are read. width: the number of what is in a row."""

    def __init__(
        self, rows: Select[*tuple[Any, ...]], place: Sequence[Any], backwards: bool, connection: Connection
    ) -> None:
        """place: where one of these pages begins: the values of the order; empty for the first page."""
        self.width = len(rows.column_descriptions)
        kinds = [BigInteger() if type(value) is int else literal(value).type for value in place]
        if len(kinds) == 1:  # compared with its column, not as a row
            kinds = [order.comparable_value.type for order in parse_ob_clause(rows)][:1]
            if not isinstance(place[0], kinds[0].python_type):  # PostgreSQL would convert it, such as bytes to a text
                raise InvalidPage("another type than the column's")
        after = tuple(bindparam(name, type_=kind) for name, kind in zip(_named(place), kinds, strict=True))
        limited = prepare_paging(rows, 1, after or None, backwards, orm=False, dialect=connection.dialect)
        self._shape = Shape(limited.select.limit(bindparam("page_limit", type_=Integer)))
        self._sorted_by: list[Callable[[Any], Any]] = [one.get_from_row for one in limited.mapped_order_columns]

    def rows(
        self, connection: Connection, values: dict[str, Any], place: Sequence[Any], most: int
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return at most so many rows from a place on."""
        return self._shape.execute(connection, {**values, **_named(place), "page_limit": most}).all()

    def place_of(self, row: Any) -> tuple[Any, ...]:
        """Return the values of the order in a row."""
        return tuple(get(row) for get in self._sorted_by)


def _named(place: Sequence[Any]) -> dict[str, Any]:
    return {f"page_after_{n}": value for n, value in enumerate(place)}


def count(db: Session, rows: Rows, *beside: Any, most: int = MOST_COUNTED) -> tuple[Any, ...]:
    """Returns the number of rows, at most `most` + 1, and in the same statement the values of some scalar subqueries.

    The bound keeps the count of a large list as cheap as that of a small one.
    """
    return tuple(db.execute(select(counted(rows, most), *beside)).one())


def counted(rows: Rows, most: int = MOST_COUNTED) -> ScalarSelect[int] | TextClause:
    """Returns the number of rows, at most `most` + 1, as a subquery: to count several things in one statement."""
    if isinstance(rows, Sought):
        return rows.number(most + 1)
    bounded = rows.order_by(None).with_only_columns(literal(1), maintain_column_froms=True).limit(most + 1)
    return select(func.count()).select_from(bounded.subquery()).scalar_subquery()


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        Fault("?cursor", "This is not a cursor of this list; send the nextCursor of its last page, or none.")
    )


def _encode(bookmark: str) -> str:
    return base64.urlsafe_b64encode(bookmark.encode()).decode().rstrip("=")


def _decode(cursor: str | None, both_ways: bool) -> Place | None:
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        marker = unserialize_bookmark(text)
    except (UnicodeError, binascii.Error, ValueError, OverflowError, InvalidPage) as error:
        raise _bad_cursor() from error
    if (
        marker.place is None
        or None in marker.place
        or (marker.backwards and not both_ways)
        or serialize_bookmark(marker) != text
    ):
        raise _bad_cursor()
    return Place(marker.place, marker.backwards)
