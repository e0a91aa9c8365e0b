"""Lists in answers: a page as JSON, or the whole list as CSV.

CSV is written page by page, each read in a short transaction, so memory use is constant and a slow reader holds no
connection. A cell that a spreadsheet would take for a formula is escaped, and `PUT /v1/parties` takes that back.
"""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from types import UnionType
from typing import Annotated, Any, TypeVar, cast, get_args

import orjson
from fastapi import Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.http.accepted import prefers_csv, wants_bom
from api.http.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentParts, Cursor, Db, Limit
from api.http.turns import in_turns
from shared import sheets
from shared.exporting import Exported, pages
from shared.pagination import Page, Rows, page
from shared.services import catalogue
from shared.wire import Fields, Listing, to_json

Item = TypeVar("Item")
Answered = TypeVar("Answered", bound=Any)
Path = tuple[str, ...]

ROWS_A_PAGE = 2000
COPIED = 10_000
"""Rows of a page that PostgreSQL writes as CSV: about 3 MB."""

LIST_SEPARATOR = "|"
"""Between several values of one cell, as `PUT /v1/parties` reads it."""

NAMED = {"courseId": ("courseTitle", "courseCode"), "courseVersionId": ("versionLabel",)}
"""The names that are written beside an id that no reader knows by heart, by the id's field."""

NAMES = {"courseVersionId": ("versionLabel", "courseTitle", "courseCode"), "courseId": ("courseTitle", "courseCode")}
"""The names that an id has, by its field. A version has the title and the code that its course had at the time."""


EVENT_COLUMNS = (
    "sequence",
    "time",
    "type",
    "subject",
    "data.actor.type",
    "data.actor.id",
    "data.partyId",
    "data",
    "id",
)
"""The columns of events. `data` is JSON."""


@dataclass(frozen=True)
class Csv:
    """The form in which a list is asked for. wanted: as CSV. name: of the file, without its extension."""

    wanted: bool
    with_bom: bool
    name: str

    def whole(self, answer: Answered, model: type[BaseModel] | None = None, *, columns: Sequence[str] = ()) -> Answered:
        """Return an answer with all its `items`, or these as CSV. model: of an item. columns: instead of its own."""
        if not self.wanted:
            return answer
        told = [tuple(column.split(".")) for column in columns] or list(_columns(model))
        records = map(_record, answer.items)
        lines = chain([self.header(told)], (sheets.line([_cell(_at(each, path)) for path in told]) for each in records))
        return cast("Answered", self.response(lines))

    def header(self, columns: Sequence[Path]) -> str:
        """Return the first line."""
        return (sheets.BOM if self.with_bom else "") + sheets.line([".".join(path) for path in columns])

    def response(self, lines: Iterator[str] | AsyncIterator[bytes | str], name: str | None = None) -> StreamingResponse:
        """Return the response that sends these lines as a file."""
        headers = {"Content-Disposition": f'attachment; filename="{name or self.name}.csv"'}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@dataclass(frozen=True)
class Asked:
    """A request for a list: a page of it, or all of it as CSV."""

    db: Db
    caller: CurrentCaller
    parts: CurrentParts
    csv: Csv
    limit: int
    cursor: str | None

    def page(
        self,
        rows: Rows | None,
        model: type[Item],
        answer: Callable[[Any], Item | Fields],
        *,
        name: str | None = None,
        columns: Sequence[str] = (),
        exported: Callable[[], Exported] | None = None,
    ) -> Listing[Item]:
        """Return one page, or every row as CSV, in which nested fields are columns such as `party.entityId`.

        rows: None for an empty list. answer: converts a row to the fields of an item of type `model`, or to the item.
        name: of the file, instead of the list's. columns: of the CSV, for a `model` that does not tell them. exported:
        lets PostgreSQL write the CSV; called only then, as its expressions take longer to build than a page to read.
        FastAPI sends a response as it is, so that every list can be declared as what it
        is in JSON.
        """
        if self.csv.wanted:
            told = [tuple(column.split(".")) for column in columns] or list(_columns(model))
            lines: Iterator[bytes | str] = self._lines(rows, told, answer)
            if exported is not None and rows is not None:
                lines = self._copied(rows, told, exported())
            return cast("Listing[Item]", self.csv.response(in_turns(self.parts, self.caller.org_id, lines), name))
        found = Page[Any]([], None) if rows is None else page(self.db, rows, limit=self.limit, cursor=self.cursor)
        listing = {"items": [answer(row) for row in found.items], "nextCursor": found.next_cursor}
        return cast("Listing[Item]", Response(to_json(listing), media_type="application/json"))

    def turned(self, rows: Rows) -> Page[Any]:
        """Return one page of rows, from which a reader can turn forward and back."""
        return page(self.db, rows, limit=self.limit, cursor=self.cursor, both_ways=True)

    def _lines(self, rows: Rows | None, told: list[Path], answer: Callable[[Any], Any]) -> Iterator[bytes | str]:
        columns = list(_with_names(told))
        yield self.csv.header(columns)
        cursor: str | None = None
        while rows is not None:
            with self.parts.database.transaction(self.caller.org_id) as db:
                found = page(db, rows, limit=ROWS_A_PAGE, cursor=cursor)
                records = [_record(answer(row)) for row in found.items]
                self._name_courses(db, columns, records)
            yield "".join(sheets.line([_cell(_at(record, path)) for path in columns]) for record in records)
            cursor = found.next_cursor
            if cursor is None:
                return

    def _copied(self, rows: Rows, told: list[Path], exported: Exported) -> Iterator[bytes | str]:
        columns = list(_with_names(told))
        yield self.csv.header(columns)
        names = [".".join(path) for path in columns]
        yield from pages(partial(self.parts.database.transaction, self.caller.org_id), rows, exported, names, COPIED)

    def _name_courses(self, db: Session, columns: Sequence[Path], records: Sequence[dict[str, Any]]) -> None:
        """Write titles, codes and labels into the records, of which a page has at most a few."""
        if (*NAMED["courseId"][:1],) not in columns:
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


async def _csv(request: Request) -> Csv:
    name, _, extension = str(request.scope["route"].path).rpartition("/")[2].partition(".")
    if extension == "csv":  # an address for people, whose browsers ask for HTML; Excel needs the mark
        return Csv(True, True, name)
    return Csv(prefers_csv(request), wants_bom(request), name)


AskedCsv = Annotated[Csv, Depends(_csv)]


async def _asked(
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    csv: AskedCsv,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Asked:
    return Asked(db, caller, parts, csv, limit, cursor)


AskedList = Annotated[Asked, Depends(_asked, scope="function")]


def _record(item: Any) -> dict[str, Any]:
    """Return the fields of an item as they are in JSON."""
    record: dict[str, Any] = orjson.loads(to_json(item))
    return record


def _columns(model: Any, before: Path = ()) -> Iterator[Path]:
    """The paths of a model's fields that are not models, by their names in JSON."""
    for name, field in model.model_fields.items():
        path = (*before, field.alias or name)
        kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
        nested = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if nested is None:
            yield path
        else:
            yield from _columns(nested, path)


def _with_names(columns: Sequence[Path]) -> Iterator[Path]:
    """Yields the columns, and the names that belong beside an id after it, unless the list has them itself."""
    for path in columns:
        yield path
        if len(path) == 1:
            yield from ((name,) for name in NAMED.get(path[0], ()) if (name,) not in columns)


def _at(record: Any, path: Path) -> Any:
    for step in path:
        record = record.get(step) if isinstance(record, dict) else None
    return record


def _cell(value: Any) -> str:
    """Return the text of a cell, escaped if a spreadsheet would run it as a formula."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() if not any(isinstance(each, dict | list) for each in value):
            return sheets.escaped(LIST_SEPARATOR.join(map(str, value)))
        case dict() | list():
            return orjson.dumps(value).decode()
        case _:
            return sheets.escaped(str(value))
