"""Lists in answers: a page as JSON, or the whole list as a file.

The pages of a file are read each in a short transaction, so memory use is constant and a slow reader holds no
connection.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request, Response
from sqlalchemy.orm import Session

from api.http.columns import NAMED, Column, columns_of, record_of, with_names
from api.http.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentParts, Cursor, Db, Limit
from api.http.files import AskedFile, File, Row, line, rows_of
from api.http.turns import in_turns
from shared.errors import Fault, InvalidInput
from shared.exporting import Exported, ahead, formed, pages
from shared.pagination import Page, Rows, count, page
from shared.services import catalogue, directory
from shared.wire import Fields, Listing, to_json
from shared.workbooks import MOST_ROWS

Item = TypeVar("Item")

ROWS_A_PAGE = 2000
COPIED = 10_000
"""Rows of a page that PostgreSQL writes as CSV: about 3 MB."""

NAMES = {"courseVersionId": ("versionLabel", "courseTitle", "courseCode"), "courseId": ("courseTitle", "courseCode")}
"""The names that an id has, by its field. A version has the title and the code that its course had at the time."""


@dataclass(frozen=True)
class Asked:
    """A request for a list: a page of it, or all of it as a file."""

    db: Db
    caller: CurrentCaller
    parts: CurrentParts
    file: File
    limit: int
    cursor: str | None
    party_id: str | None = None

    def page(
        self,
        rows: Rows | None,
        model: type[Item],
        answer: Callable[[Any], Item | Fields],
        *,
        name: str | None = None,
        columns: Sequence[Column] = (),
        exported: Callable[[], Exported] | None = None,
    ) -> Listing[Item]:
        """Return one page, or every row as a file, in which nested fields are columns such as `party.entityId`.

        rows: None for an empty list. answer: converts a row to the fields of an item of type `model`, or to the item.
        name: of the file, instead of the list's. columns: of the file, for a `model` that does not tell them. exported:
        lets PostgreSQL write the rows; called only then, as its expressions take longer to build than a page to read.
        FastAPI sends a response as it is, so that every list can be declared as what it is in JSON. Raises InvalidInput
        for more rows than a workbook holds.
        """
        if self.file.wanted:
            if self.party_id is not None and rows is not None:
                self._followed(page(self.db, rows, limit=1, cursor=None))
            told = with_names(columns or columns_of(model))
            return cast("Listing[Item]", self._file(rows, told, answer, name, exported))
        found = Page[Any]([], None) if rows is None else page(self.db, rows, limit=self.limit, cursor=self.cursor)
        self._followed(found)
        listing = {"items": [answer(row) for row in found.items], "nextCursor": found.next_cursor}
        return cast("Listing[Item]", Response(to_json(listing), media_type="application/json"))

    def turned(self, rows: Rows) -> Page[Any]:
        """Return one page of rows, from which a reader can turn forward and back."""
        return self._followed(page(self.db, rows, limit=self.limit, cursor=self.cursor, both_ways=True))

    def _followed(self, found: Page[Any]) -> Page[Any]:
        """Return the page. Raises PartyRenumbered for an empty list of a party that has another id by now."""
        if not found.items and self.party_id is not None and self.cursor is None:
            directory.need_present_id(self.db, self.caller, self.party_id)
        return found

    def _file(
        self,
        rows: Rows | None,
        told: list[Column],
        answer: Callable[[Any], Any],
        name: str | None,
        exported: Callable[[], Exported] | None,
    ) -> Response:
        copied = None if exported is None or rows is None else self._copied(rows, told, exported())
        if self.file.is_workbook:
            self._need_room(rows)
            read = self._rows(rows, told, answer) if copied is None else map(rows_of, copied)
            return self.file.of_rows(self.parts, self.caller.org_id, told, read, name)
        lines: Iterator[bytes | str] = copied or ("".join(map(line, page)) for page in self._rows(rows, told, answer))
        whole = chain([line(self.file.header(told))], lines)
        return self.file.of_lines(in_turns(self.parts, self.caller.org_id, whole), name)

    def _need_room(self, rows: Rows | None) -> None:
        """Raise InvalidInput for more rows than a sheet of a workbook has."""
        if rows is not None and count(self.db, rows, most=MOST_ROWS)[0] > MOST_ROWS:
            raise InvalidInput(
                Fault("", f"A workbook holds {MOST_ROWS:,} rows, and this list has more. Filter it, or take CSV.")
            )

    def _rows(self, rows: Rows | None, told: list[Column], answer: Callable[[Any], Any]) -> Iterator[list[Row]]:
        cursor: str | None = None
        while rows is not None:
            with self.parts.database.transaction(self.caller.org_id) as db:
                found = page(db, rows, limit=ROWS_A_PAGE, cursor=cursor)
                records = [record_of(answer(row)) for row in found.items]
                self._name_courses(db, told, records)
            yield [[column.text(record) for column in told] for record in records]
            cursor = found.next_cursor
            if cursor is None:
                return

    def _copied(self, rows: Rows, told: list[Column], exported: Exported) -> Iterator[bytes]:
        names = [column.name for column in told]
        begin = partial(self.parts.database.transaction, self.caller.org_id)
        return formed(ahead(pages(begin, rows, exported, names, COPIED)), exported)

    def _name_courses(self, db: Session, told: Sequence[Column], records: Sequence[dict[str, Any]]) -> None:
        """Write titles, codes and labels into the records, of which a page has at most a few."""
        if not any(column.path == NAMED["courseId"][:1] for column in told):
            return
        names = catalogue.names_of_courses(
            db,
            self.caller,
            {uuid.UUID(record["courseId"]) for record in records if record.get("courseId")},
            {uuid.UUID(record["courseVersionId"]) for record in records if record.get("courseVersionId")},
        )
        for record in records:
            for field, written in NAMES.items():
                given = names.get(str(record.get(field)), ())
                record |= {column: text for column, text in zip(written, given, strict=False) if column not in record}


async def _asked(
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    file: AskedFile,
    request: Request,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Asked:
    return Asked(db, caller, parts, file, limit, cursor, request.query_params.get("partyId"))


AskedList = Annotated[Asked, Depends(_asked, scope="function")]
