"""Lists of assignments with every filter and every pair of filters: the right rows, at a cost that does not grow.

The costs are entries that PostgreSQL reads from tables and indexes, in its own count, for a page of an organization
with 2,000 assignments and of one with 20,000. `python -m bench.lists` measures the time with 1,000,000.
"""

import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

import migrations
from bench.grown import EVERYBODY, REGION, SHIP, TODAY, Grown, grow
from shared import assignments
from shared.assignments import AssignmentState, Filters, Sort, finding, list_assignments
from shared.database import Database
from shared.pagination import Sought, count, page
from shared.settings import TRAINING
from tests.conftest import Servers
from tests.counting import reading_in

FEW, MANY = 100, 1000
PAGE = 20
MOST = 150 * (PAGE + 1)
"""Bound of the entries that a page reads. The dearest ones look through a few hundred, or look up each day."""

OF_A_PARTY = 25
"""Bound of the entries that a page reads of each party of the folders. It looks up at most 2,000 parties."""

COUNTED = 200

SCOPES = (None, ["ship-1"], ["ship-2", "region-4"])
Pair = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Place:
    """A database with a small and a large organization."""

    database: Database
    sizes: dict[int, Grown]


@pytest.fixture(scope="module")
def place(servers: Servers) -> Iterator[Place]:
    with servers.another() as beside:
        migrations.upgrade(beside.owner_url, frozenset({TRAINING}))
        with psycopg.connect(beside.admin_url, autocommit=True) as connection:
            sizes = {size: grow(connection, f"grown-{size}", size, known=size == MANY) for size in (FEW, MANY)}
        database = Database(beside.app_url, name="test")
        yield Place(database, sizes)
        database.close()


def pairs(grown: Grown) -> list[Pair]:
    """No filter, each filter, and each pair of filters."""
    values: dict[str, Sequence[Any]] = {
        "course_id": [uuid.UUID(grown.ids["courseId"])],
        "course_version_id": [uuid.UUID(grown.ids["courseVersionId"])],
        "job_id": [uuid.UUID(grown.ids["jobId"])],
        "party_id": [grown.ids["partyId"]],
        "folder_id": [SHIP, REGION, EVERYBODY],
        "state": [AssignmentState.ASSIGNED, AssignmentState.CLOSED],
        "overdue": [True, False],
        "due_before": [TODAY - timedelta(700), TODAY + timedelta(5)],
        "due_after": [TODAY + timedelta(200)],
    }
    each = [(name, value) for name, given in values.items() for value in given]
    two = [pair for pair in itertools.combinations(each, 2) if pair[0][0] != pair[1][0]]
    return [(), *((one,) for one in each), *two]


def lists(db: Session, grown: Grown) -> Iterator[tuple[str, int, Any]]:
    """Each list: its name, the number of parties in its folders, and its rows."""
    sizes = {SHIP: grown.parties // 50, REGION: grown.parties // 5, EVERYBODY: grown.parties}
    for filters, sort, scope in itertools.product(pairs(grown), Sort, SCOPES):
        if scope is None or len(filters) < 2:
            given: dict[str, Any] = dict(filters)
            parties = sizes.get(given.get("folder_id", ""), 0 if scope is None else sizes[REGION])
            rows = list_assignments(db, Filters(TODAY, **given), scope, sort)
            yield f"{given} {sort} {scope}", parties, rows


def test_a_page_of_a_grown_list_costs_what_a_page_of_a_small_one_costs(place: Place) -> None:
    wrong = []
    for grown in place.sizes.values():
        with place.database.transaction(grown.org_id) as db:
            for name, parties, rows in lists(db, grown):
                with reading_in(db) as reads:
                    page(db, rows, limit=PAGE, cursor=None)
                if reads.total > MOST + OF_A_PARTY * parties:
                    wrong.append(f"{grown.parties} parties, {name}: {reads.total} ({reads})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("most_found", [1000, 0])
@pytest.mark.parametrize(("looked_through", "few_parties"), [((400, 4000), 2000), ((20, 40), 2000), ((20, 40), 5)])
def test_a_list_has_the_rows_of_its_filters_in_its_order_page_by_page_and_back(
    place: Place, looked_through: tuple[int, ...], few_parties: int, most_found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "LOOKED_THROUGH", looked_through)
    monkeypatch.setattr(finding, "MOST_FOUND", most_found)
    monkeypatch.setattr(finding, "MANY_PARTIES", 10 * few_parties)
    monkeypatch.setattr(finding, "FEW_PARTIES", few_parties)
    grown = place.sizes[FEW]
    with place.database.transaction(grown.org_id) as db:
        found = [(name, rows) for name, _, rows in lists(db, grown) if isinstance(rows, Sought)]
        for name, rows in found[(few_parties + sum(looked_through)) % 5 :: 5]:
            every = [row[0].id for row in db.execute(rows.every).all()]
            first = page(db, rows, limit=PAGE, cursor=None, both_ways=True)
            assert ids(first) == every[:PAGE], name
            if first.next_cursor is not None:
                second = page(db, rows, limit=PAGE, cursor=first.next_cursor, both_ways=True)
                assert ids(second) == every[PAGE : 2 * PAGE], name
                back = page(db, rows, limit=PAGE, cursor=second.previous_cursor, both_ways=True)
                assert ids(back) == every[:PAGE], name


def ids(found: Any) -> list[uuid.UUID]:
    return [row[0].id for row in found.items]


def test_the_count_of_a_grown_list_costs_what_it_counts(place: Place) -> None:
    wrong = []
    for grown in place.sizes.values():
        with place.database.transaction(grown.org_id) as db:
            for name, parties, rows in lists(db, grown):
                with reading_in(db) as reads:
                    count(db, rows, most=COUNTED)
                if isinstance(rows, Sought) and reads.total > MOST + 3 * COUNTED + OF_A_PARTY * parties:
                    wrong.append(f"{grown.parties} parties, {name}: {reads.total} ({reads})")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("many_parties", [20_000, 5])
def test_a_list_is_counted_as_its_rows_are(place: Place, many_parties: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "MANY_PARTIES", many_parties)
    grown = place.sizes[FEW]
    with place.database.transaction(grown.org_id) as db:
        for name, _, rows in lists(db, grown):
            if isinstance(rows, Sought):
                number = len(db.execute(rows.every).all())
                assert count(db, rows) == (number,), name
                assert count(db, rows, most=7) == (min(number, 8),), name


def test_the_days_at_both_ends_of_the_calendar_bound_a_list_as_any_other_day(place: Place) -> None:
    grown = place.sizes[FEW]
    with place.database.transaction(grown.org_id) as db:
        for filters in (Filters(TODAY, due_before=date.min), Filters(TODAY, due_after=date.max)):
            rows = list_assignments(db, filters, None)
            assert page(db, rows, limit=PAGE, cursor=None).items == []
        rows = list_assignments(db, Filters(TODAY, due_after=date.min, due_before=date.max), None)
        assert {row[0].due_on is None for row in page(db, rows, limit=PAGE, cursor=None).items} == {False}


@pytest.mark.parametrize("scope", [None, ["ship-2", "region-4"]])
@pytest.mark.parametrize("by", ["course", "folder"])
def test_a_summary_counts_each_assignment_once_for_its_course_and_for_each_folder_of_its_party(
    place: Place, by: str, scope: list[str] | None
) -> None:
    grown, day = place.sizes[FEW], TODAY + timedelta(100)
    inside = "EXISTS (SELECT FROM folder_member m WHERE m.party_id = a.party_id AND m.folder_id = ANY (:scope))"
    joined = {
        "course": f"course AS c ON c.id = a.course_id WHERE {'true' if scope is None else inside}",
        "folder": "folder_member AS c ON c.party_id = a.party_id WHERE c.folder_id = ANY (:scope) OR :every",
    }[by]
    key = {"course": "c.id::text", "folder": "c.folder_id"}[by]
    with place.database.transaction(grown.org_id) as db:
        rows = db.execute(
            text(
                f"SELECT {key}, a.state, a.due_on < :day, count(*) FROM assignment AS a JOIN {joined} GROUP BY 1, 2, 3"
            ),
            {"day": day, "scope": scope or [], "every": scope is None},
        ).all()
        found = assignments.summarize(db, by, day, scope)
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for of, state, late, number in rows:
        expected[of] += Counter({state: number, "overdue": number * (state == "assigned" and bool(late))})
    names = ("assigned", "completed", "closed", "overdue")
    assert {str(row[0]): [row[n] for n in range(2, 6)] for row in found} == {
        of: [counts[name] for name in names] for of, counts in expected.items()
    }
    assert sum(row.overdue for row in found) > 0
