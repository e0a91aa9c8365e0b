"""Workbooks as a spreadsheet reads them."""

from datetime import date, datetime
from io import BytesIO
from typing import Any

from python_calamine import CalamineWorkbook

from api.http.accepted import XLSX


def cells(workbook: bytes) -> list[list[Any]]:
    """The cells of the only sheet, with the header."""
    opened = CalamineWorkbook.from_filelike(BytesIO(workbook))
    assert len(opened.sheet_names) == 1
    return opened.get_sheet_by_index(0).to_python()


def texts(workbook: bytes) -> list[list[str]]:
    """The cells as they are written in CSV, where they are not escaped. Instants are whole seconds."""
    return [[_text(cell) for cell in row] for row in cells(workbook)]


def shown_in(answer: Any) -> str:
    """The text of an answer; of a workbook its cells."""
    return str(cells(answer.content)) if answer.headers.get("content-type") == XLSX else str(answer.text)


def _text(cell: Any) -> str:
    match cell:
        case bool():
            return str(cell).lower()
        case float():
            return str(int(cell)) if cell.is_integer() else str(cell)
        case datetime():
            return f"{cell.isoformat(timespec='seconds')}Z"
        case date():
            return cell.isoformat()
        case _:
            return str(cell)
