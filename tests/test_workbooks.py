"""Workbooks: a cell has the type of its column, and no text becomes anything else."""

import tempfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workbooks import Heading, Kind, write
from tests.workbooks import cells

KINDS = [Heading(kind.value, kind) for kind in Kind]


def written(headings: list[Heading], *rows: list[str]) -> bytes:
    """A workbook with these rows."""
    with tempfile.TemporaryFile() as file:
        write(file, "a list with a very long name, longer than the 31 of a sheet", headings, rows)
        return file.read()


def test_a_cell_has_the_type_of_its_column() -> None:
    rows = [["007", "2026-05-12", "2026-05-12T08:00:00.25Z", "true", "7"], ["", "", "", "false", "-1.5"]]
    assert cells(written(KINDS, *rows))[1:] == [
        ["007", date(2026, 5, 12), datetime(2026, 5, 12, 8, 0), True, 7.0],  # noqa: DTZ001
        ["", "", "", False, -1.5],
    ]


def test_a_value_that_a_spreadsheet_would_change_stays_text() -> None:
    rows = ["=1+1", "1850-01-01", "1850-01-01T00:00:00Z", "false", str(2**53 + 1)]
    assert cells(written(KINDS, rows))[1] == ["=1+1", "1850-01-01", "1850-01-01T00:00:00Z", False, str(2**53 + 1)]


TEXT = [Heading("text", Kind.TEXT)]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert cells(written(TEXT, [f"={text}"]))[1:] == [[f"={text}"]]


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
def test_a_text_that_is_longer_than_a_cell_is_cut_and_says_so(letter: str) -> None:
    ((text,),) = cells(written(TEXT, [letter * 40_000]))[1:]
    assert len(text.encode("utf-16-le")) // 2 in (32_766, 32_767)
    assert text.endswith(letter + "…")


def test_a_list_without_rows_has_its_header() -> None:
    assert cells(written(KINDS)) == [[kind.value for kind in Kind]]
