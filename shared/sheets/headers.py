"""Finding the line that names the columns: not always the first, and sometimes two of them.

Exports begin with a title and a date; people write groups above the names ("Employee" over "No." and "Name"), or the
names in two languages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from shared.sheets.cells import Line, column_key
from shared.sheets.columns import Columns

SOUGHT_IN = 20
"""Lines in which the names of the columns are sought."""

Match = Callable[[Sequence[str]], Columns]
Across = Sequence[Sequence[int]]
"""Merged cells of a sheet: the row, the first and the last column of each, from 0."""


@dataclass(frozen=True)
class Header:
    """The names of the columns. line: where they are, or 0. lines: how many of the lines are no rows."""

    names: tuple[str, ...]
    columns: Columns
    line: int
    lines: int


def find(lines: Sequence[Line], match: Match, across: Across = ()) -> Header:
    """Returns the header among the first lines of a table. If none is one, it is the nearest to it."""
    nearest = Header((), match(()), 0, 0)
    for n, line in enumerate(lines):
        if line.cells is None:
            continue
        above = _groups(lines[n - 1], line, across) if n else None
        for names in _ways(_names(line.cells), above, match):
            header = Header(names, match(names), line.number, n + 1)
            if header.columns.fault is None:
                return replace(header, lines=n + 1 + _again(lines[n + 1 : n + 2], match))
            if not nearest.lines or len(header.columns.fields) > len(nearest.columns.fields):
                nearest = header
    return nearest


def _ways(own: tuple[str, ...], groups: Sequence[str] | None, match: Match) -> Iterator[tuple[str, ...]]:
    """Yields the ways to read the names of a line: with their groups where they say nothing alone, alone, with all."""
    if groups is None:
        yield own
        return
    joined = _joined(groups, own)
    keys = [column_key(name) for name in own]
    known = {place for place in match(own).fields if keys.count(keys[place]) == 1}
    mixed = tuple(own[place] if place in known else name for place, name in enumerate(joined))
    yield mixed
    yield own
    yield tuple(joined)


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    """Returns the names without empty ones at the end, each in one line."""
    names = [" ".join(cell.split()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _again(below: Sequence[Line], match: Match) -> int:
    """Returns 1 if the line below the names gives them once more, in another language; else 0."""
    return sum(1 for line in below if line.cells and match(_names(line.cells)).fault is None)


def _groups(above: Line, line: Line, across: Across) -> list[str] | None:
    """Returns the group of each column: the names in the line above, each for the empty cells on its right too.

    In a sheet whose cells are merged there, only for the merged ones. None where that line is no such line.
    """
    if above.cells is None or above.number + 1 != line.number or sum(map(bool, above.cells)) < 2:
        return None
    merged = [(first, last) for row, first, last in across if row == above.number - 1]
    groups, group = [], ""
    for place in range(len(line.cells or ())):
        given = above.cells[place] if place < len(above.cells) else ""
        if given:
            group = " ".join(given.split())
        elif merged and not any(first < place <= last for first, last in merged):
            group = ""
        groups.append(group)
    return groups


def _joined(groups: Sequence[str], names: Sequence[str]) -> list[str]:
    """Returns the names with their groups before them. A cell merged over both lines is one name."""
    padded = [*names, *[""] * (len(groups) - len(names))]
    return [
        name if not group or group == name else f"{group} {name}".strip()
        for group, name in zip(groups, padded, strict=False)
    ]
