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
from sqlakeyset import InvalidPage, select_page, serialize_bookmark, unserialize_bookmark
from sqlalchemy import ScalarSelect, Select, func, literal, select
from sqlalchemy.exc import DataError, ProgrammingError, StatementError
from sqlalchemy.orm import Session

from shared.errors import Fault, InvalidInput

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

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in order. next_cursor: the cursor of the next page, or None after the last page.

    previous_cursor: that of the page before, None on the first page and in a list that is only read forward.
    """

    items: list[Row]
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
    looked for any more. It is given where the page begins, None for the first page, and a number of rows.
    """

    every: Select[*tuple[Any, ...]]
    find: Callable[[Session, Place | None, int], Select[*tuple[Any, ...]]]

    def add_columns(self, *columns: Any) -> "Sought":
        """Returns the same list with further columns in its rows, as a select does."""
        return Sought(self.every.add_columns(*columns), lambda *where: self.find(*where).add_columns(*columns))


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
            rows = rows.find(db, None if place is None else Place(place.place, place.backwards), limit + 1)
        found = select_page(db, rows, per_page=limit, page=place)
    except (InvalidPage, DataError, ProgrammingError) as error:
        if cursor is None:
            raise
        raise _bad_cursor() from error
    except StatementError as error:
        if cursor is None or error.orig is None or hasattr(error.orig, "sqlstate"):
            raise
        raise _bad_cursor() from error
    items = [row[0] if len(row) == 1 else row for row in found]
    turn = found.paging
    before = _encode(turn.bookmark_previous) if both_ways and turn.has_previous else None
    return Page(items, _encode(turn.bookmark_next) if turn.has_next else None, before)


def count(db: Session, rows: Rows, *beside: Any, most: int = MOST_COUNTED) -> tuple[Any, ...]:
    """Returns the number of rows, at most `most` + 1, and in the same statement the values of some scalar subqueries.

    The bound keeps the count of a large list as cheap as that of a small one.
    """
    return tuple(db.execute(select(counted(rows, most), *beside)).one())


def counted(rows: Rows, most: int = MOST_COUNTED) -> ScalarSelect[int]:
    """Returns the number of rows, at most `most` + 1, as a subquery: to count several things in one statement."""
    every = rows.every if isinstance(rows, Sought) else rows
    bounded = every.order_by(None).with_only_columns(literal(1), maintain_column_froms=True).limit(most + 1)
    return select(func.count()).select_from(bounded.subquery()).scalar_subquery()


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        Fault("?cursor", "This is not a cursor of this list; send the nextCursor of its last page, or none.")
    )


def _encode(bookmark: str) -> str:
    return base64.urlsafe_b64encode(bookmark.encode()).decode().rstrip("=")


def _decode(cursor: str | None, both_ways: bool) -> Any:
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
    return marker
