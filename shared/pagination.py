"""Keyset pages: a cursor says where the last page ended, so page 10,000 costs what page 1 costs.

The cursor is opaque to callers. It holds only the position (sort values of the last row), never the
organization or a filter: both are applied anew at every page, so a borrowed cursor shows nothing foreign.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlakeyset.paging
from sqlakeyset import InvalidPage, select_page, serialize_bookmark, unserialize_bookmark
from sqlalchemy import Select
from sqlalchemy.exc import DataError, ProgrammingError, StatementError
from sqlalchemy.orm import Session

from shared.errors import Fault, InvalidInput

# For psycopg 3 the library writes `a >= x AND (a > x OR b > y)`, which reads every row that ties with the last one in
# `a`: with 50,000 assignments due on one day, all of them. PostgreSQL goes straight to the row with `(a, b) > (x, y)`.
sqlakeyset.paging.can_use_native_tuples = lambda dialect: dialect.name == "postgresql"

MAX_LIMIT = 500
DEFAULT_LIMIT = 50

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in order, and the cursor of the page after them, or None after the last."""

    items: list[Row]
    next_cursor: str | None


def page(db: Session, rows: Select[*tuple[Any, ...]], *, limit: int, cursor: str | None) -> Page[Any]:
    """One page of `rows`, whose ORDER BY must name columns that together are unique and never null.

    Single-column selects give the values themselves, others give rows. Raises InvalidInput at `?cursor`
    for a cursor that did not come from this list.
    """
    try:
        found = select_page(db, rows, per_page=limit, page=_decode(cursor))
    except (InvalidPage, DataError, ProgrammingError) as error:
        if cursor is None:
            raise
        raise _bad_cursor() from error
    except StatementError as error:
        if cursor is None or error.orig is None or hasattr(error.orig, "sqlstate"):
            raise
        raise _bad_cursor() from error
    items = [row[0] if len(row) == 1 else row for row in found]
    return Page(items, _encode(found.paging.bookmark_next) if found.paging.has_next else None)


def _bad_cursor() -> InvalidInput:
    return InvalidInput(
        Fault("?cursor", "This is not a cursor of this list; send the nextCursor of its last page, or none.")
    )


def _encode(bookmark: str) -> str:
    return base64.urlsafe_b64encode(bookmark.encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> Any:
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode()
        marker = unserialize_bookmark(text)
    except (UnicodeError, binascii.Error, ValueError, OverflowError, InvalidPage) as error:
        raise _bad_cursor() from error
    if marker.place is None or None in marker.place or marker.backwards or serialize_bookmark(marker) != text:
        raise _bad_cursor()
    return marker
