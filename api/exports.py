"""Lists as CSV of any size: page after page, each in a short transaction, so memory stays flat and a slow
reader holds no connection. No cell begins a formula, whatever a name or a reason begins with.
"""

import csv
import io
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any, get_args

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import Select

from api.service import Service
from shared.access import Caller
from shared.pagination import page

ROWS_A_PAGE = 2000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def wants_csv(request: Request) -> bool:
    """Whether the caller prefers CSV: `Accept: text/csv`."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return "text/csv" in accepted


def csv_of(
    model: type[BaseModel],
    answer: Callable[[Any], BaseModel],
    rows: Select[*tuple[Any, ...]],
    service: Service,
    caller: Caller,
    *,
    name: str,
) -> StreamingResponse:
    """Every row of a list as CSV. answer: makes a row an instance of `model`; nested fields become `party.entityId`."""
    return StreamingResponse(
        _lines(model, answer, rows, service, caller),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )


def _lines(
    model: type[BaseModel],
    answer: Callable[[Any], BaseModel],
    rows: Select[*tuple[Any, ...]],
    service: Service,
    caller: Caller,
) -> Iterator[str]:
    columns = list(_columns(model))
    yield _line([".".join(path) for path in columns])
    cursor: str | None = None
    while True:
        with service.database.transaction(caller.org_id) as db:
            found = page(db, rows, limit=ROWS_A_PAGE, cursor=cursor)
            records = [answer(row).model_dump(mode="json", by_alias=True) for row in found.items]
        yield "".join(_line([_defused(_at(record, path)) for path in columns]) for record in records)
        cursor = found.next_cursor
        if cursor is None:
            return


def _columns(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of a model's leaves, by their names on the wire."""
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


def _defused(value: Any) -> str:
    """A cell that a spreadsheet shows and never runs."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
