"""Finding the field of each column, by its name without letter case, accents and punctuation.

`Fields` is declared by the noun whose rows a file holds; this package knows none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.sheets.cells import column_key

Meanings = Mapping[str, str | None]
"""The field of a column, or None for one that is ignored, by the key of the column's name (`column_key`)."""


@dataclass(frozen=True)
class Fields:
    """The fields of a row of a file. one, several: names of the noun, the second also that of a list in JSON.

    synonyms: the names of columns that each field is recognised by, the likeliest first; the first is its own. needed:
    of each of these, one must be there. days: the fields that are days. most: upper bound of rows.
    """

    one: str
    several: str
    synonyms: Mapping[str, Sequence[str]]
    needed: Sequence[Sequence[str]]
    most: int
    days: frozenset[str] = frozenset()

    def unknown(self, meanings: Meanings) -> str | None:
        """Returns a sentence if a field is named that there is none of."""
        for meant in meanings.values():
            if meant is not None and meant not in self.synonyms:
                return f"A {self.one} has no field {meant[:64]}; its fields are {', '.join(self.synonyms)}."
        return None


@dataclass(frozen=True)
class Columns:
    """The columns of a file. fields: field by position. taken: field by the column's name. ignored: names.

    fault: a sentence if rows cannot be read from them. needs: the fields that a missing column may be.
    """

    fields: Mapping[int, str]
    taken: dict[str, str]
    ignored: list[str]
    fault: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """The name of the column by its field."""
        return {field: name for name, field in self.taken.items()}


def meaning_of(text: str) -> tuple[str, str | None]:
    """Returns the column and its field that a text such as "Employee ID=entityId" names. The column may contain =.

    "Employee ID=" ignores the column. Raises ValueError, whose text is a sentence.
    """
    name, equals, wanted = text.rpartition("=")
    if not equals or not name.strip():
        raise ValueError('write "COLUMN=FIELD", for example "Employee ID=entityId"')
    return name.strip(), wanted.strip() or None


def match(fields: Fields, header: Sequence[str], said: Meanings, now_said: Meanings) -> Columns:
    """Returns what the columns mean. said, now_said: as remembered, and as this request says.

    A field's own name counts more than what is remembered, and that more than a synonym. A file without a column that
    is needed, two columns that are the same field and a named column that is not there are its fault.
    """
    keys = [column_key(name) for name in header]
    known = {**said, **now_said}
    found: dict[int, str] = {}
    fault = fields.unknown(now_said)
    for field, synonyms in fields.synonyms.items():
        free = [place for place, name in enumerate(keys) if name and known.get(name, field) == field]
        ranks = [(_rank(keys[place], field, synonyms, said, now_said), place) for place in free]
        ranked = sorted((rank, place) for rank, place in ranks if rank)
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            first, second = sorted(place + 1 for _, place in ranked[:2])
            fault = fault or f"Columns {first} and {second} both are {field}; rename one of them."
        if ranked:
            found[ranked[0][1]] = field
    fault = fault or _missing(keys, now_said)
    needs = () if fault else next((tuple(one) for one in fields.needed if set(found.values()).isdisjoint(one)), ())
    return Columns(
        found,
        {header[place]: field for place, field in sorted(found.items())},
        [name or f"(column {place + 1})" for place, name in enumerate(header) if place not in found],
        fault or (_needed(fields, needs) if needs else None),
        needs,
    )


def _missing(keys: Sequence[str], now_said: Meanings) -> str | None:
    if missing := [name for name in now_said if name not in keys]:
        return f"There is no column with the name that was given as {missing[0]}; look at the first line."
    return None


def _needed(fields: Fields, needs: Sequence[str]) -> str:
    return (
        f"One line must name the columns, and one of them must be {' or '.join(needs)}; "
        f"`?map=Employee ID={needs[0]}`, or `--map` of `rollcall {fields.several} import`, says which one it is."
    )


def _rank(name: str, field: str, synonyms: Sequence[str], said: Meanings, now_said: Meanings) -> int:
    """Returns how well a column's name fits a field: 1 best, 0 not at all."""
    if name in now_said:
        return 1 if now_said[name] == field else 0
    if field in now_said.values():
        return 0
    if name == synonyms[0]:
        return 2
    if name in said:
        return 3
    return 4 + synonyms.index(name) if name in synonyms else 0
