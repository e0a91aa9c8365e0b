"""Arrays as parameters of statements: the texts and ids of a chunk or a request, thousands at a time.

psycopg looks at each element for what must be quoted, which took a quarter of the processor time of a request that
names 2,000 recipients. Quoted all alike and joined, they take next to nothing.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.types.array import ListDumper
from sqlalchemy import ARRAY, ColumnElement, String, Text, any_, literal


def texts(values: Collection[str]) -> ColumnElement[Any]:
    """Texts as one parameter, however many they are."""
    return literal(list(values), ARRAY(Text))


def is_one_of(column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of these: one parameter, so that the statement is the same whatever their number,
    and an index finds them whatever PostgreSQL knows of the table."""
    kind = Text() if isinstance(column.type, String) else column.type
    found: ColumnElement[bool] = column == any_(literal(list(values), ARRAY(kind)))
    return found


class ArrayDumper(ListDumper):
    """Writes lists of plain texts, and of UUIDs, in one go; any other as psycopg does."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """The list as PostgreSQL reads it."""
        return _joined(obj) or super().dump(obj)


def _joined(items: Sequence[Any]) -> bytes | None:
    """None where one of them is nothing, is of another type, or needs more than quotes around it."""
    try:
        match items:
            case [str(), *_]:
                text = '{"' + '","'.join(items) + '"}'
                plain = text.count('"') == 2 * len(items) and "\\" not in text and "\0" not in text
                return text.encode() if plain else None
            case [UUID(), *_]:
                return ("{" + ",".join([one.hex for one in items]) + "}").encode()
    except (TypeError, AttributeError):
        pass
    return None
