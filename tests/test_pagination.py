"""Keyset pages: the function of sqlakeyset that `shared/pagination.py` patches, and what the patch is for."""

import inspect
from typing import Any

import sqlakeyset.paging
from sqlalchemy import event, select

from shared.directory import Party
from shared.pagination import page
from tests.factories import Org


def test_the_patched_function_of_sqlakeyset_is_still_there() -> None:
    """Assigning to a name that the library no longer has would succeed and do nothing."""
    library = inspect.getsource(sqlakeyset.paging)
    assert "def can_use_native_tuples(dialect" in library
    assert library.count("can_use_native_tuples(dialect") > 1, "the library no longer calls it"


def test_the_condition_of_a_page_is_a_row_comparison(org: Org) -> None:
    """For a row comparison PostgreSQL starts at the right entry of the index, however many rows tie."""
    org.with_parties("a", "b", "c")
    rows = select(Party.id).where(Party.org_id == org.id).order_by(Party.active, Party.id)
    statements: list[str] = []
    with org.transaction() as db:
        first = page(db, rows, limit=1, cursor=None)

        @event.listens_for(db.connection(), "before_cursor_execute")
        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            statements.append(statement)

        assert page(db, rows, limit=1, cursor=first.next_cursor).items == ["b"]
    (statement,) = statements
    assert "< (party.active, party.id) ORDER BY" in statement
