"""The process that reads one workbook, and that a hostile workbook may end: `bounded` starts it with this file.

It imports nothing of the product. Standard input is the workbook, standard output JSON: its sheets, with the text of
each cell, or a sentence. The reader is compiled code that ends the process when memory is short, so the memory is
limited here, before it is loaded.
"""

import datetime
import io
import resource
import sys
from typing import Any

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20
CELLS = 5_000_000
CHARACTERS = 64 * 1024 * 1024
COLUMNS = 1024


def limit() -> None:
    """Limit what this process may take."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


class TooLarge(Exception):
    """The sheets hold more than is read."""


def text_of(value: Any) -> str:
    """Returns a cell as text. Whole numbers have no point, days are ISO days."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return (value.date() if value.time() == datetime.time() else value.replace(microsecond=0)).isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def sheet_of(sheet: Any, left: list[int]) -> list[list[str]]:
    """Returns the rows of a sheet. A cell that was merged with those below it is in each of its rows.

    left: the numbers of cells and of characters that may still be read.
    """
    left[0] -= sheet.total_height * sheet.total_width
    if left[0] < 0 or sheet.total_width > COLUMNS:
        raise TooLarge
    rows = []
    for row in sheet.to_python(skip_empty_area=False):
        cells = [text_of(value) if value != "" else "" for value in row]
        while cells and not cells[-1]:
            cells.pop()
        left[1] -= sum(map(len, cells))
        if left[1] < 0:
            raise TooLarge
        rows.append(cells)
    return rows


def fill(rows: list[list[str]], merged: list[Any], left: list[int]) -> int:
    """Write merged cells into each row that they cover, in their first column. Returns the number of cells written."""
    filled = 0
    for (top, column), (bottom, _) in merged:
        value = rows[top][column] if top < len(rows) and column < len(rows[top]) else ""
        if value and bottom > top:
            for row in rows[top + 1 : bottom + 1]:
                row.extend([""] * (column + 1 - len(row)))
                if not row[column]:
                    row[column] = value
                    filled += 1
                    left[1] -= len(value)
                if left[1] < 0:
                    raise TooLarge
    return filled


def read(body: bytes) -> dict[str, Any]:
    """Returns the visible sheets that are not empty, or `no`: why there is none."""
    import python_calamine

    try:
        book = python_calamine.load_workbook(io.BytesIO(body))
    except python_calamine.PasswordError:
        return {"no": "The workbook is protected by a password; save it without one."}
    except python_calamine.CalamineError:
        return {
            "no": "The file is no workbook that can be read; open it in a spreadsheet program and save it as .xlsx."
        }
    left, found = [CELLS, CHARACTERS], []
    for each in book.sheets_metadata:
        if each.visible != python_calamine.SheetVisibleEnum.Visible:
            continue
        if each.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        try:
            sheet = book.get_sheet_by_name(each.name)
        except python_calamine.CalamineError:
            return {"no": "A sheet of the workbook cannot be read; open it in a spreadsheet program and save it anew."}
        rows, merged = sheet_of(sheet, left), sheet.merged_cell_ranges or []
        filled = fill(rows, merged, left)
        across = [[top, first, last] for (top, first), (_, last) in merged if last > first and top < 50]
        if any(rows):
            found.append({"name": each.name, "rows": rows, "across": across, "filled": filled})
    return {"sheets": found} if found else {"no": "The workbook has no visible sheet with anything in it."}


def main() -> None:
    """Read standard input, and answer."""
    limit()
    import orjson

    try:
        answer = read(sys.stdin.buffer.read())
    except TooLarge:
        answer = {
            "no": "The workbook holds too much; delete the sheets, rows and columns that do not belong to the table."
        }
    sys.stdout.buffer.write(orjson.dumps(answer))


if __name__ == "__main__":
    main()
