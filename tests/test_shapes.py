"""Selects are executed by their shape: what is kept of them, and what their rows and entities are."""

from typing import Any

import pytest
from sqlalchemy import BigInteger, Row, Select, func, select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.exc import UnmappedInstanceError

from shared import pagination, shapes
from shared.directory import Folder, FolderMember, Party
from shared.errors import InvalidInput
from tests.factories import Org


def read(db: Session, rows: Select[*tuple[Any, ...]]) -> list[Row[*tuple[Any, ...]]]:
    return list(shapes.execute(db.connection(), rows))


def named(org: Org, party_id: str) -> Select[Party]:
    return select(Party).where(Party.org_id == org.id, Party.id == party_id)


def test_selects_of_one_shape_are_kept_once_and_each_has_its_own_values(org: Org, other_org: Org) -> None:
    org.with_parties("party-1", "party-2")
    other_org.with_parties("party-1")
    with org.transaction() as db, other_org.transaction() as other_db:
        first = read(db, named(org, "party-1"))
        number = len(shapes._kept)
        second, third = read(db, named(org, "party-2")), read(other_db, named(other_org, "party-1"))
        assert len(shapes._kept) == number
        assert read(db, named(org, "party-1").order_by(Party.id)) != []
        assert len(shapes._kept) == number + 1
    found = [(row[0].org_id, row[0].id) for (row,) in (first, second, third)]
    assert found == [(org.id, "party-1"), (org.id, "party-2"), (other_org.id, "party-1")]


def test_the_shapes_that_are_kept_have_an_upper_bound(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_KEPT", 3)
    with org.transaction() as db:
        for length in range(6):
            names = [getattr(Party, name) for name in ("id", "display_name", "active", "org_id", "email", "language")]
            read(db, select(*names[: length + 1]))
    assert len(shapes._kept) <= 3


def test_rows_have_the_entities_the_columns_and_the_names_of_the_select(org: Org) -> None:
    org.with_parties("party-1", "party-2")
    other = aliased(Party)
    rows = (
        select(Party, func.upper(Party.id).label("shouted"), other, FolderMember)
        .outerjoin(other, (other.org_id == Party.org_id) & (other.id > Party.id))
        .outerjoin(FolderMember, FolderMember.party_id == Party.id)
        .where(Party.org_id == org.id)
        .order_by(Party.id)
    )
    with org.transaction() as db:
        first, last = read(db, rows)
        party, shouted, other_party, member = first
    assert (party.id, shouted, first.shouted, other_party.id, member) == (
        "party-1",
        "PARTY-1",
        "PARTY-1",
        "party-2",
        None,
    )
    assert isinstance(party, Party)
    assert last[2] is None


def test_an_entity_that_was_read_refuses_changes(org: Org) -> None:
    org.with_parties("party-1")
    with org.transaction() as db:
        ((party,),) = read(db, named(org, "party-1"))
    with pytest.raises((AttributeError, UnmappedInstanceError)):
        party.display_name = "Another"
    assert party.display_name != "Another"


def test_a_page_after_a_large_number_has_the_shape_of_one_after_a_small_number(org: Org) -> None:
    """Both are of the same type for Python, but PostgreSQL compares them with different ones."""
    number = func.generate_series(2**31 - 3, 2**31 + 3, type_=BigInteger).table_valued("n").render_derived(name="each")
    rows = select(number.c.n, func.lpad("x", 3).label("text")).order_by(number.c.n, func.lpad("x", 3))
    with org.transaction() as db:
        found, cursor = [], None
        while True:
            page = pagination.page(db, rows, limit=2, cursor=cursor)
            found += [row.n for row in page.items]
            if (cursor := page.next_cursor) is None:
                break
    assert found == list(range(2**31 - 3, 2**31 + 4))


def test_a_cursor_of_another_list_is_refused_though_the_list_was_read_before(org: Org) -> None:
    org.with_parties("party-1", "party-2")
    by_name = select(Party.id).where(Party.org_id == org.id).order_by(Party.display_name, Party.id)
    folders = select(Folder.id).where(Folder.org_id == org.id).order_by(Folder.created_at, Folder.id)
    with org.transaction() as db:
        cursor = pagination.page(db, by_name, limit=1, cursor=None).next_cursor
        pagination.page(db, folders, limit=1, cursor=None)
        with pytest.raises(InvalidInput):
            pagination.page(db, folders, limit=1, cursor=cursor)
