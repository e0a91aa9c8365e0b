"""Selects kept by their shape: a select without the values of its parameters.

SQLAlchemy keeps the SQL of a select, but for each execution it prepares anew how entities are made of the rows, and
makes each ready to be changed. For a page of 50 rows of 33 columns that takes longer than PostgreSQL's answer. So what
only reads is executed by its shape: a select of columns, of which entities to read only are made, without a session.
Shapes are kept by the key that SQLAlchemy itself makes for SQL that it keeps: it has all but the values.
"""

from collections import namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Select, inspect
from sqlalchemy.engine import Connection, IteratorResult, Result
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.orm import Mapper, class_mapper

Entity = TypeVar("Entity")
Made = TypeVar("Made")
Rows = Select[*tuple[Any, ...]]

MOST_KEPT = 2_000
"""Upper bound of the shapes that are kept. The program has some hundreds: each list with each set of its filters."""


def detached(entity: type[Entity], values: Iterable[tuple[str, Any]]) -> Entity:
    """Return an entity with these values of all its columns, to read only: it belongs to no session."""
    made, given = _read_only(entity), dict(values)
    one: Entity = made._make([given[name] for name in made._fields])
    return one


_read_only_classes: dict[type[Any], Any] = {}


def _read_only(entity: type[Any]) -> Any:
    """Return a subclass of an entity's class, of which the instances are named tuples of the values of its columns.

    They have the properties of the class, and refuse changes. One is made in a twentieth of the time of an entity that
    can be changed.
    """
    if entity not in _read_only_classes:
        names = [one.key for one in class_mapper(entity).column_attrs if not one.deferred]
        columns: Any = namedtuple("columns", names)  # type: ignore[misc]
        _read_only_classes[entity] = type(entity.__name__, (columns, entity), {"__abstract__": True})
    return _read_only_classes[entity]


class Shape:
    """How the selects of one shape are executed."""

    def __init__(self, rows: Rows) -> None:
        """rows: one of these selects."""
        self._parts: list[Callable[[Sequence[Any]], Any]] = []
        names, columns = list[str](), list[Any]()
        for each in rows.column_descriptions:
            names.append(each["name"])
            shown = each["expr"]
            if shown is each.get("entity"):
                mapper = inspect(shown).mapper
                self._parts.append(_entity(mapper, len(columns)))
                columns += [getattr(shown, name) for name in _read_only(mapper.class_)._fields]
            else:
                self._parts.append(itemgetter(len(columns)))
                columns.append(shown)
        self._has_entities = len(columns) > len(names)
        self._rows = rows.with_only_columns(*columns, maintain_column_froms=True) if self._has_entities else rows
        self._metadata = SimpleResultMetaData(names)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Result[*tuple[Any, ...]]:
        """Return the rows for these values of the parameters."""
        found = connection.execute(self._rows, values)
        if not self._has_entities:
            return found
        parts = self._parts
        rows = [tuple([part(row) for part in parts]) for row in found.fetchall()]
        return IteratorResult(self._metadata, iter(rows))


def _entity(mapper: Mapper[Any], start: int) -> Callable[[Sequence[Any]], Any]:
    """Return a function that makes an entity of the columns from `start` on; None for an outer join without one."""
    entity = _read_only(mapper.class_)
    names, made = entity._fields, entity._make
    key, end = start + names.index(mapper.get_property_by_column(mapper.primary_key[-1]).key), start + len(names)
    return lambda row: None if row[key] is None else made(row[start:end])


_kept: dict[Hashable, tuple[Any, Sequence[str]]] = {}


def kept(rows: Rows, of: Hashable, make: Callable[[], Made]) -> tuple[Made, dict[str, Any]]:
    """Return what was made of the first select of this shape, and the values of the parameters of this one, by name.

    make: makes it of this select, if it is the first. of: what it depends on besides the shape.
    """
    key = rows._generate_cache_key()
    if key is None:  # a part of it cannot be compared
        return make(), {}
    values = [one.effective_value for one in key.bindparams]
    known = _kept.get((of, key.key))
    if known is None:
        known = make(), [one.key for one in key.bindparams]
        while len(_kept) >= MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)
        _kept[of, key.key] = known
    made, names = known
    return made, dict(zip(names, values, strict=True))


def execute(connection: Connection, rows: Rows) -> Result[*tuple[Any, ...]]:
    """Return the rows of a select, with entities to read only."""
    shape, values = kept(rows, None, lambda: Shape(rows))
    return shape.execute(connection, values)
