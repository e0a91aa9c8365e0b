"""Which line names the columns, and what the days of a column mean."""

from typing import Any

import pytest

from shared.sheets import CSV, Body, Fields, contents_of, table_in
from shared.sheets.days import AMBIGUOUS, NO_DAY, iso, order_of

FIELDS = Fields(
    "record",
    "records",
    {"id": ("id", "employeeno", "personalnummer"), "code": ("coursecode",), "on": ("on", "date", "datum")},
    needed=(("id",), ("on",)),
    most=100,
    days=frozenset({"on"}),
)


def read(text: str) -> list[object]:
    contents = contents_of(Body(CSV, text.encode()), FIELDS, {}, lambda _, cell, __: cell or None)
    return [row.detail or row.value for row in contents.rows]


@pytest.mark.parametrize(
    "above",
    [
        "",
        "Training history\n",
        "Training history, as of 27.11.2026\n\nMade by;HR\n\n",
        ";;\nPerson;;Training\n",
        "Id of the report;4711\n",
    ],
)
def test_lines_above_the_names_are_passed_over(above: str) -> None:
    assert read(f"{above}ID;Course code;Date\na;H2S;2025-01-02\n") == [{"id": "a", "code": "H2S", "on": "2025-01-02"}]


def test_a_group_and_a_name_are_one_name_where_the_name_alone_says_nothing() -> None:
    text = "Employee;;Course;\nNo.;Name;Code;Date\na;A;H2S;2025-01-02\n"
    assert read(text) == [{"id": "a", "code": "H2S", "on": "2025-01-02"}]
    assert table_in(Body(CSV, text.encode()), FIELDS, {}).columns.taken == {
        "Employee No.": "id",
        "Course Code": "code",
        "Date": "on",
    }


def test_of_two_columns_of_one_name_the_group_decides() -> None:
    text = "ID;ID;Date\na;m;2025-01-02\n"
    assert "Columns 1 and 2" in str(table_in(Body(CSV, text.encode()), FIELDS, {}).columns.fault)
    text = "Employee;Manager;\nNo;No;Date\na;m;2025-01-02\n"
    assert read(text) == [{"id": "a", "on": "2025-01-02"}]


def test_names_in_two_languages_are_one_header() -> None:
    assert read("ID;Date\nPersonalnummer;Datum\na;2025-01-02\n") == [{"id": "a", "on": "2025-01-02"}]


def test_a_separator_is_found_although_the_first_lines_have_another() -> None:
    text = "History of Doe, Jane, and others\nID;Course code;Date\na;1,5;2025-01-02\nb;2,5;2025-01-02\n"
    assert [row["code"] for row in read(text) if isinstance(row, dict)] == ["1,5", "2,5"]


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2025-01-02", "2025-01-02T00:00:00Z", "2025/1/2"], ["2025-01-02"] * 3),
        (["2.1.2025", "02.01.2025", "02.01.2025 08:00"], ["2025-01-02"] * 3),
        (["2 Jan 2025", "02-JAN-2025", "January 2, 2025"], ["2025-01-02"] * 3),
        (["02/01/2025", "31/12/2025"], ["2025-01-02", "2025-12-31"]),
        (["02/01/2025", "12/31/2025"], ["2025-02-01", "2025-12-31"]),
        (["02/01/2025", "12/31/2025", "31/12/2025"], [AMBIGUOUS] * 3),
        (["02/01/2025", "05/05/2025"], [AMBIGUOUS, "2025-05-05"]),
        (["31.02.2025", "yesterday", "45352", "1.1.25"], [NO_DAY] * 4),
    ],
)
def test_days_of_a_column_are_read_in_one_form(cells: list[str], days: list[str]) -> None:
    def read_one(cell: str) -> str:
        try:
            return iso(cell, order)
        except ValueError as error:
            return str(error)

    order = order_of(cells)
    assert [read_one(cell) for cell in cells] == days


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "mac_roman", "cp1250", "cp1251", "utf-8"])
def test_names_of_any_encoding_are_read(encoding: str) -> None:
    words = {"cp1250": "Łukasz Żółty;Świętosława Gęś;Michał Wiśniewski", "cp1251": "Пётр Иванов;Мария Сидорова"}.get(
        encoding, "Jürgen Groß;Küche;Büro Süd;Änne Müller;René"
    )
    text = "ID;Course code;Date\r\n" + "".join(f"{n};{word};2025-01-02\r\n" for n, word in enumerate(words.split(";")))
    contents = contents_of(Body(CSV, text.encode(encoding)), FIELDS, {}, lambda _, cell, __: cell or None)
    values: list[Any] = [row.value for row in contents.rows]
    assert [value["code"] for value in values] == words.split(";")
