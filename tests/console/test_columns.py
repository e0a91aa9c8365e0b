"""The columns of lists: chosen in the address and by a form, kept from page to page, and refused if there is none."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.console.test_pages import lists
from tests.console.world import World, build
from tests.deliveries.receiving import plan
from tests.drain import InProcessWorker
from tests.factories import Org


@pytest.fixture
def world(org: Org, worker: InProcessWorker) -> World:
    """An organization with something on every page."""
    made = build(org, worker)
    plan(org)
    return made


class Table:
    """The table of a list. headings: their texts. rows: the texts of the cells of each row, without the tick boxes."""

    def __init__(self, page: str) -> None:
        head, body = (re.findall(rf"<{part}>(.*?)</{part}>", page, re.DOTALL) for part in ("thead", "tbody"))
        self.headings = _cells(head[0]) if head else []
        self.rows = [_cells(row) for row in re.findall(r"<tr>(.*?)</tr>", body[0], re.DOTALL)] if body else []


def _cells(row: str) -> list[str]:
    found = re.findall(r"<(?:th|td)(?! class=\"choose\")[^>]*>(.*?)</(?:th|td)>", row, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in found]


def offered(page: str) -> dict[str, str]:
    """The columns that the form of a page offers: their labels by name, without the first one."""
    boxes = re.findall(r'name="columns" value="(\w+)"[^>]*> <span>([^<]+)</span>', page)
    return {name: unescape(label) for name, label in boxes}


def first_of(page: str) -> str:
    """The name of the column that is always there."""
    return str(re.findall(r'<input type="hidden" name="columns" value="(\w+)">', page)[0])


def test_each_column_alone_has_the_cells_that_it_has_among_all_of_them(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader, looked = world.org.visitor(), 0
    for path, _, _ in lists(app):
        with subtests.test(path):
            address = world.address(path)
            shown = reader.get(address).text
            names = offered(shown)
            whole = Table(reader.get(address, params={"columns": [first_of(shown), *names]}).text)
            assert len(whole.headings) >= 1 + len(names)
            for n, (name, label) in enumerate(names.items(), 1):
                alone = Table(reader.get(address, params={"columns": name}).text)
                assert alone.headings[1].startswith(label)
                assert whole.headings[n].startswith(label)
                assert [row[:2] for row in alone.rows] == [[row[0], row[n]] for row in whole.rows]
                looked += len(alone.rows)
    assert looked > 60


def test_a_list_shows_the_same_columns_in_its_heading_and_in_its_rows(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    for path, _, _ in lists(app):
        with subtests.test(path):
            table = Table(reader.get(world.address(path)).text)
            assert {len(row) for row in table.rows} <= {len(table.headings)}


def test_a_form_with_no_box_ticked_shows_the_first_column_alone(world: World) -> None:
    reader = world.org.visitor()
    first = first_of(reader.get("/parties").text)
    assert Table(reader.get("/parties", params={"columns": first}).text).headings == ["Name"]


def test_the_columns_of_an_address_may_be_written_with_commas_or_one_by_one(world: World) -> None:
    reader = world.org.visitor()
    once = Table(reader.get("/assignments?columns=person,due,id").text)
    assert once.headings == ["Person", "Id", "Due"]
    assert Table(reader.get("/assignments?columns=due&columns=id").text).headings == once.headings


def test_the_columns_are_kept_from_page_to_page_and_when_a_filter_is_taken_away(world: World) -> None:
    reader = world.org.visitor()
    shown = reader.get("/parties?limit=1&active=true&columns=email&columns=id").text
    addresses = [unescape(one) for one in re.findall(r'href="(/parties\?[^"]+)"', shown)]
    following = next(one for one in addresses if "cursor=" in one)
    assert "columns=name,id,email" in following
    assert "/parties?columns=name,id,email" in addresses
    assert Table(reader.get(following).text).headings == ["Name", "Id", "Mail address"]


def test_the_usual_columns_are_not_written_into_addresses(world: World) -> None:
    reader = world.org.visitor()
    shown = reader.get("/parties?limit=1&columns=name,id,folders,state").text
    assert "columns=" not in "".join(re.findall(r'href="(/parties[^"]*)"', shown))


def test_a_column_that_there_is_not_is_refused_with_those_that_there_are(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    for path, _, _ in lists(app):
        with subtests.test(path):
            answer = reader.get(world.address(path), params={"columns": "salary"})
            assert answer.status_code == 422
            assert "columns: There is no such column. This list has " in answer.text
            assert "salary" not in answer.text


def test_a_parameter_that_there_is_not_is_refused_and_not_answered_with_everything(
    world: World, app: FastAPI, subtests: pytest.Subtests
) -> None:
    reader = world.org.visitor()
    for path, _, _ in lists(app):
        for ending in ("", ".csv"):
            with subtests.test(path + ending):
                answer = reader.get(world.address(path) + ending, params={"asOf": "2020-01-01", "<b>": "1"})
                assert answer.status_code == 422
                assert "asOf: There is no such parameter. This address takes " in answer.text
                assert "<b>" not in answer.text


def test_a_file_has_every_field_and_takes_no_columns(world: World) -> None:
    reader = world.org.visitor()
    shown = reader.get("/assignments?columns=due").text
    assert 'href="/assignments.csv"' in shown
    answer: Any = reader.get("/assignments.csv?columns=due")
    assert answer.status_code == 422
    assert "A file has every field of the list" in answer.text


def test_a_column_that_was_chosen_is_there_on_a_phone_too(world: World) -> None:
    reader: TestClient = world.org.visitor()
    assert '<div class="table chosen"' in reader.get("/assignments?columns=reason").text
    assert '<div class="table"' in reader.get("/assignments").text
