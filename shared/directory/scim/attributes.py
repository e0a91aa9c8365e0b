"""The attributes that a filter of SCIM may compare, each as a column. `filters` makes a filter a condition on them.

Apart from `filters`, because the library of SCIM takes a quarter of a second to import, and only the API needs it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

Condition = ColumnElement[bool]


class BadFilter(Exception):
    """The filter compares what cannot be compared here, or is too large. The message is a sentence without values."""


@dataclass(frozen=True)
class One:
    """An attribute with one value. column: NULL if it is missing. exact: letter case counts.

    same: finds the rows that have a text by an index; by default the column is compared.
    """

    column: Any
    exact: bool = False
    same: Callable[[str], Condition] | None = None


@dataclass(frozen=True)
class Many:
    """An attribute with several values, of which each has these parts. exists: that there is one that meets this."""

    parts: Mapping[str, One]
    exists: Callable[[Condition], Condition]


Attributes = Mapping[str, One | Many]
"""By the attribute's name in lower case, and that of its part after a slash."""
