"""Lists in answers: a page as JSON, or the whole list as CSV.

CSV is written page by page, each read in a short transaction, so memory use is constant and a slow reader holds no
connection. A cell that a spreadsheet would take for a formula is escaped.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args

from fastapi import Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Select

from api.http.dependencies import DEFAULT_LIMIT, CurrentCaller, CurrentParts, Cursor, Db, Limit
from api.http.parts import Parts
from api.http.turns import in_turns
from shared.access import Caller
from shared.pagination import page
from shared.wire import Listing

Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)

ROWS_A_PAGE = 2000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(request: Request) -> bool:
    """True if the caller prefers CSV: `Accept: text/csv`."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return "text/csv" in accepted


@dataclass(frozen=True)
class Asked:
    """A request for a list: a page of it, or all of it as CSV."""

    db: Db
    caller: CurrentCaller
    parts: CurrentParts
    as_csv: bool
    limit: int
    cursor: str | None

    def page(
        self, rows: Select[*tuple[Any, ...]] | None, model: type[Item], answer: Callable[[Any], Item]
    ) -> Listing[Item]:
        """Return one page. rows: None for an empty list. answer: converts a row to an item of type `model`."""
        if rows is None:
            return Listing[model](items=[], next_cursor=None)  # type: ignore[valid-type]
        found = page(self.db, rows, limit=self.limit, cursor=self.cursor)
        items = [answer(row) for row in found.items]
        return Listing[model](items=items, next_cursor=found.next_cursor)  # type: ignore[valid-type]

    def page_or_csv(
        self, rows: Select[*tuple[Any, ...]], model: type[Model], answer: Callable[[Any], Model], *, name: str
    ) -> Listing[Model] | StreamingResponse:
        """Return one page, or every row as CSV, in which nested fields are columns such as `party.entityId`.

        name: the name of the file, without its extension.
        """
        if not self.as_csv:
            return self.page(rows, model, answer)
        return StreamingResponse(
            in_turns(self.parts, self.caller.org_id, _lines(model, answer, rows, self.parts, self.caller)),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )


def _asked(
    request: Request,
    db: Db,
    caller: CurrentCaller,
    parts: CurrentParts,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Asked:
    return Asked(db, caller, parts, wants_csv(request), limit, cursor)


AskedList = Annotated[Asked, Depends(_asked, scope="function")]


def _lines(
    model: type[BaseModel],
    answer: Callable[[Any], BaseModel],
    rows: Select[*tuple[Any, ...]],
    parts: Parts,
    caller: Caller,
) -> Iterator[str]:
    columns = list(_columns(model))
    yield _line([".".join(path) for path in columns])
    cursor: str | None = None
    while True:
        with parts.database.transaction(caller.org_id) as db:
            found = page(db, rows, limit=ROWS_A_PAGE, cursor=cursor)
            records = [answer(row).model_dump(mode="json", by_alias=True) for row in found.items]
        yield "".join(_line([_cell(_at(record, path)) for path in columns]) for record in records)
        cursor = found.next_cursor
        if cursor is None:
            return


def _columns(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of a model's fields that are not models, by their names in JSON."""
    for name, field in model.model_fields.items():
        path = (*before, field.alias or name)
        kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
        nested = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if nested is None:
            yield path
        else:
            yield from _columns(nested, path)


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        record = None if record is None else record[step]
    return record


def _cell(value: Any) -> str:
    """Return the text of a cell, escaped if a spreadsheet would run it as a formula."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
