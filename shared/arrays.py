"""Arrays as statement parameters: the texts and ids of a chunk or a request, thousands at a time.

The dumper for texts, ids and integers is written by hand. psycopg's own checks each element for characters that need
quoting, which took a quarter of the processor time of a request with 2,000 recipients. Measured for 2,000 short texts:
2 ms with psycopg's text format, 0.6 to 1 ms with its binary format, 0.05 ms with this one, which quotes every text and
joins once. For 2,000 ids: 4.5 ms, 0.65 ms and 0.85 ms.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.types.array import ListDumper
from sqlalchemy import ARRAY, ColumnElement, String, Text, any_, literal


def texts(values: Collection[str]) -> ColumnElement[Any]:
    """Returns the texts as one array parameter, however many there are."""
    return literal(list(values), ARRAY(Text))


def is_one_of(column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Returns the condition that the column's value is one of `values`.

    They are one parameter, so the statement is the same for any number of them, and PostgreSQL can use an index
    whatever its statistics say about the table.
    """
    kind = Text() if isinstance(column.type, String) else column.type
    found: ColumnElement[bool] = column == any_(literal(list(values), ARRAY(kind)))
    return found


def written(values: Iterable[object]) -> str:
    """Returns an array in PostgreSQL's text form, as a parameter that its statement casts, such as to `date[]`.

    None is null; any other value is what `str` makes of it. A thousand rows go as an array for each column: PostgreSQL
    reads them in half the time of the same rows in JSON.
    """
    items = list(values)
    if joined := _joined(items):
        return joined.decode()
    quoted = ["NULL" if one is None else f'"{one}"' for one in items]
    text = ",".join(quoted)
    if "\\" in text or text.count('"') != 2 * (len(items) - items.count(None)):
        text = ",".join([one if one == "NULL" else f'"{_escaped(one[1:-1])}"' for one in quoted])
    return f"{{{text}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class ArrayDumper(ListDumper):
    """Writes lists of ids, of integers and of texts that need no escaping in one go, and leaves others to psycopg."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """Returns the list in PostgreSQL's text format for arrays."""
        return _joined(obj) or super().dump(obj)


def _joined(items: Sequence[Any]) -> bytes | None:
    """Returns the array, or None if an element is None, has another type or needs more than quotes around it."""
    try:
        match items:
            case [str(), *_]:
                text = '{"' + '","'.join(items) + '"}'
                plain = text.count('"') == 2 * len(items) and "\\" not in text and "\0" not in text
                return text.encode() if plain else None
            case [UUID(), *_]:
                return ("{" + ",".join([one.hex for one in items]) + "}").encode()
            case [int(), *_] if set(map(type, items)) == {int}:
                return ("{" + ",".join(map(str, items)) + "}").encode()
    except (TypeError, AttributeError):
        pass
    return None
