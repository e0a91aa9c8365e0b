"""Strict values: a field takes its own JSON type only, a day only as an ISO day, an instant only as RFC 3339.

Pydantic would take 0 for false, "yes" for true, 2.0 for 2, and any number as a day counted from 1970, so that a mistake
in a program becomes another value without a word. Its strict mode is no way out: for values that were parsed already it
refuses the texts of ids, days and enumerations too. So the schema of each body is made strict where it matters. A query
parameter is always text, so that its form is checked instead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AwareDatetime
from pydantic_core import PydanticCustomError, core_schema

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII)
"""RFC 3339. Without an offset it passes here, because `ReceivedInstant` says then that the time zone is missing."""

_DAY_NEEDED = "must be a day, such as 2026-11-26"
_INSTANT_NEEDED = "must be an instant with seconds and a time zone, such as 2026-11-26T09:30:00Z"

_FORMS: dict[Any, tuple[re.Pattern[str], str]] = {
    bool: (re.compile(r"true|false"), "must be true or false"),
    int: (re.compile(r"-?(0|[1-9]\d{0,18})", re.ASCII), "must be a whole number, such as 50"),
    float: (re.compile(r"-?(0|[1-9]\d{0,18})(\.\d{1,18})?", re.ASCII), "must be a number, such as 20 or 2.5"),
    date: (_DAY, _DAY_NEEDED),
    datetime: (_INSTANT, f"{_INSTANT_NEEDED}; in an address write the + of an offset as %2B"),
}
"""The text of each type in a query, and what to send."""

_IN_SCHEMAS = ("schema", "fields", "choices", "items_schema", "keys_schema", "values_schema", "definitions")


def stricter(schema: Any) -> Any:
    """Return Pydantic's schema of a body, changed in place, so that every value in it is strict."""
    if isinstance(schema, list | tuple):
        return type(schema)(stricter(one) for one in schema)
    if not isinstance(schema, dict):
        return schema
    match schema.get("type"):
        case "bool" | "int" | "float":
            schema["strict"] = True
        case "date":
            return core_schema.no_info_before_validator_function(_day, schema)
        case "datetime":
            return core_schema.no_info_before_validator_function(_instant, schema)
    inside = _IN_SCHEMAS if isinstance(schema.get("type"), str) else tuple(schema)
    return schema | {key: stricter(schema[key]) for key in inside if key in schema}


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise PydanticCustomError("value_error", _DAY_NEEDED)
    if isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    raise PydanticCustomError("value_error", _DAY_NEEDED)


def _instant(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise PydanticCustomError("value_error", _INSTANT_NEEDED)


@dataclass(frozen=True)
class Form:
    """The form of a query parameter. patterns: of the texts that it takes. many: True if it may be repeated."""

    patterns: tuple[re.Pattern[str], ...]
    needed: str
    many: bool

    def fault(self, values: list[str]) -> str | None:
        """Return the sentence for values that are not of this form, or None."""
        if len(values) > 1 and not self.many:
            return "Send this parameter once."
        if self.patterns and not all(any(one.fullmatch(value) for one in self.patterns) for value in values):
            return self.needed
        return None


def form_of(annotation: Any) -> Form:
    """Return the form of a query parameter of this type. A type of text has no patterns: its own rules hold."""
    types = set(_types_in(annotation))
    many = bool(types & {list, tuple, set, frozenset})
    if types - _FORMS.keys() - {list, tuple, set, frozenset, type(None)}:
        return Form((), "", many)
    forms = [form for kind, form in _FORMS.items() if kind in types]
    needed = ", or ".join(needed.removeprefix("must be ") for _, needed in forms)
    return Form(tuple(pattern for pattern, _ in forms), f"Must be {needed}.", many)


def _types_in(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation is made of, without what `Annotated` adds to them."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _types_in(arguments[0])
    elif origin in (Union, UnionType):
        for one in arguments:
            yield from _types_in(one)
    elif origin in (list, tuple, set, frozenset):
        yield origin
        for one in arguments:
            yield from _types_in(one)
    else:
        yield datetime if annotation is AwareDatetime else annotation
