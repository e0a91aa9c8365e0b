"""Lists as files: CSV, sent page by page, and workbooks (XLSX), which are whole before they can be sent.

A workbook is a ZIP, so it is written into a temporary file without a name and sent from there: memory use is constant
for both. Each page is read in a short transaction, and a slow reader holds neither a connection nor a thread.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Annotated, Any, TypeVar, cast

from anyio import from_thread
from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.http.accepted import CSV, XLSX, preferred_file, wants_bom
from api.http.columns import Column, columns_of, record_of
from api.http.parts import Parts
from api.http.turns import in_turns, workbooks
from shared import sheets
from shared.workbooks import Heading, write

Answered = TypeVar("Answered", bound=Any)
Row = list[str]
"""The texts of the cells of a row, none of them escaped."""

BYTES_A_PART = 256 * 1024


@dataclass(frozen=True)
class File:
    """The form in which a list is asked for. media_type: of a file; None for JSON. name: without its extension."""

    media_type: str | None
    with_bom: bool
    name: str

    @property
    def wanted(self) -> bool:
        """True if the list is asked for as a file."""
        return self.media_type is not None

    @property
    def is_workbook(self) -> bool:
        """True if the file is a workbook."""
        return self.media_type == XLSX

    def whole(
        self, answer: Answered, model: type[BaseModel] | None = None, *, columns: Sequence[Column] = ()
    ) -> Answered:
        """Return an answer with all its `items`, or these as a file. model: of an item. columns: instead of its own."""
        if not self.wanted:
            return answer
        told = columns or columns_of(model)
        rows = ([column.text(record) for column in told] for record in map(record_of, answer.items))
        if self.is_workbook:
            with TemporaryFile() as file:
                write(file, self.name, headings(told), rows)
                return cast("Answered", Response(file.read(), headers=self._headers(), media_type=XLSX))
        return cast("Answered", self.of_lines(line(each) for each in [self.header(told), *rows]))

    def header(self, columns: Sequence[Column]) -> Row:
        """Return the first row of CSV."""
        names = [column.name for column in columns]
        return [(sheets.BOM if self.with_bom else "") + names[0], *names[1:]]

    def of_lines(self, lines: Iterator[str] | AsyncIterator[bytes | str], name: str | None = None) -> Response:
        """Return the response that sends these lines as CSV."""
        return StreamingResponse(lines, headers=self._headers(name), media_type=f"{CSV}; charset=utf-8")

    def of_rows(
        self, parts: Parts, org_id: str, columns: Sequence[Column], pages: Iterator[list[Row]], name: str | None = None
    ) -> Response:
        """Return the response that sends the rows of these pages as a workbook."""
        sent = _workbook(parts, org_id, name or self.name, headings(columns), pages)
        return StreamingResponse(sent, headers=self._headers(name), media_type=XLSX)

    def _headers(self, name: str | None = None) -> dict[str, str]:
        extension = "xlsx" if self.is_workbook else "csv"
        return {"Content-Disposition": f'attachment; filename="{name or self.name}.{extension}"'}


def headings(columns: Iterable[Column]) -> list[Heading]:
    """Return the headings of columns in a workbook."""
    return [Heading(column.name, column.kind) for column in columns]


def line(row: Row) -> str:
    """Return a row as a line of CSV. A cell that a spreadsheet would take for a formula is escaped."""
    return sheets.line([sheets.escaped(cell) for cell in row])


def rows_of(lines: bytes) -> list[Row]:
    """Return the rows of whole lines of CSV."""
    return [[sheets.unescaped(cell) for cell in row] for row in csv.reader(io.StringIO(lines.decode(), newline=""))]


async def _workbook(
    parts: Parts, org_id: str, title: str, told: Sequence[Heading], pages: Iterator[list[Row]]
) -> AsyncIterator[bytes]:
    """Yield the parts of a workbook. Writing it takes a thread, of which organizations take turns."""
    read = in_turns(parts, org_id, pages)

    def rows() -> Iterator[Row]:
        while (page := from_thread.run(anext, read, None)) is not None:
            yield from page

    with TemporaryFile() as file:
        async with workbooks().taken(org_id):
            await run_sync(write, file, title, told, rows())
        while part := file.read(BYTES_A_PART):
            yield part


async def _file(request: Request) -> File:
    name, _, extension = str(request.scope["route"].path).rpartition("/")[2].partition(".")
    if extension in ("csv", "xlsx"):  # an address for people, whose browsers ask for HTML; Excel needs the mark
        return File(CSV if extension == "csv" else XLSX, True, name)
    return File(preferred_file(request), wants_bom(request), name)


AskedFile = Annotated[File, Depends(_file)]
