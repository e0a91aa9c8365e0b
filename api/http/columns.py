"""The columns of a list's files: one declaration for CSV and XLSX, taken from the list's model.

A cell is first a text. CSV writes it as it is; a workbook gives it the type that the column's kind says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import orjson
from pydantic import BaseModel

from shared.wire import to_json
from shared.workbooks import Kind

LIST_SEPARATOR = "|"
"""Between several values of one cell, as `PUT /v1/parties` reads it."""

NAMED = {"courseId": ("courseTitle", "courseCode"), "courseVersionId": ("versionLabel",)}
"""The names that are written beside an id that no reader knows by heart, by the id's field."""


@dataclass(frozen=True)
class Column:
    """A column. path: the steps to its value in an item, by their names in JSON."""

    path: tuple[str, ...]
    kind: Kind = Kind.TEXT

    @property
    def name(self) -> str:
        """The heading: `party.entityId` for a nested field."""
        return ".".join(self.path)

    def text(self, record: dict[str, Any]) -> str:
        """Return the text of the cell in the row of a record."""
        value: Any = record
        for step in self.path:
            value = value.get(step) if isinstance(value, dict) else None
        match value:
            case None:
                return ""
            case bool():
                return str(value).lower()
            case list() if not any(isinstance(each, dict | list) for each in value):
                return LIST_SEPARATOR.join(map(str, value))
            case dict() | list():
                return orjson.dumps(value).decode()
            case _:
                return str(value)


EVENT_COLUMNS = (
    Column(("sequence",), Kind.NUMBER),
    Column(("time",), Kind.INSTANT),
    Column(("type",)),
    Column(("subject",)),
    Column(("data", "actor", "type")),
    Column(("data", "actor", "id")),
    Column(("data", "partyId")),
    Column(("data",)),
    Column(("id",)),
)
"""The columns of events. `data` is JSON."""


def record_of(item: Any) -> dict[str, Any]:
    """Return the fields of an item as they are in JSON."""
    record: dict[str, Any] = orjson.loads(to_json(item))
    return record


def columns_of(model: Any) -> Sequence[Column]:
    """Return the columns of a list of a model: its fields that are not models, and the fields of those that are."""
    return list(_columns(model))


def with_names(columns: Sequence[Column]) -> list[Column]:
    """Return the columns, and the names that belong beside an id after it, unless the list has them itself."""
    known = {one.path for one in columns}
    found = []
    for one in columns:
        beside = NAMED.get(one.path[0], ()) if len(one.path) == 1 else ()
        found += [one, *(Column((name,)) for name in beside if (name,) not in known)]
    return found


_KINDS = {bool: Kind.FLAG, datetime: Kind.INSTANT, date: Kind.DAY, int: Kind.NUMBER, float: Kind.NUMBER}


def _columns(model: Any, before: tuple[str, ...] = ()) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        path = (*before, field.alias or name)
        types = list(_types(field.annotation))
        nested = next((one for one in types if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if nested is None:
            yield Column(path, _KINDS.get(types[0], Kind.TEXT) if len(types) == 1 else Kind.TEXT)
        else:
            yield from _columns(nested, path)


def _types(annotation: Any) -> Iterator[Any]:
    """Yields the types of a field, without None."""
    if get_origin(annotation) is Annotated:
        yield from _types(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _types(one)
    elif annotation is not type(None):
        yield annotation
