"""The lines of an uploaded file, as they are kept: read once, and opened again for each step without its reader.

Reading a workbook takes a process of its own and up to seconds; this takes milliseconds. Cells that were repaired stand
in place of those in the file, so that every later step, the check and the rows that go in, sees one and the same file.
"""

import json
import zlib
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from shared.sheets import Opened
from shared.sheets.cells import Line
from shared.sheets.tables import Tab


def packed(opened: Opened) -> bytes:
    """Return the lines of a file, compressed. Not by orjson: a byte that could not be read is a lone surrogate."""
    tabs = [
        {
            "name": tab.name,
            "across": tab.across,
            "notes": tab.notes,
            "empty": sorted(tab.empty_formulas),
            "lines": [(line.number, line.cells) for line in tab.lines()],
        }
        for tab in opened.tabs
    ]
    document = {"separator": opened.separator, "encoding": opened.encoding, "tabs": tabs}
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def unpacked(
    content: bytes, repairs: Mapping[str, Mapping[str, str]] | None = None, without: Collection[int] = ()
) -> Opened:
    """Return the file as it was opened. repairs: cells by line and by place. without: lines that are left out."""
    document = json.loads(zlib.decompress(content))
    tabs = [
        Tab(
            partial(_lines, tab["lines"], repairs or {}, without),
            tab["name"],
            tab["across"],
            tuple(tab["notes"]),
            frozenset(tab["empty"]),
        )
        for tab in document["tabs"]
    ]
    return Opened(tabs, document["separator"], document["encoding"])


def _lines(
    lines: list[tuple[int, list[str] | None]], repairs: Mapping[str, Mapping[str, Any]], without: Collection[int]
) -> Iterator[Line]:
    for number, cells in lines:
        if number in without:
            continue
        changed = repairs.get(str(number))
        if changed and cells is not None:
            cells = cells + [""] * (max(map(int, changed)) + 1 - len(cells))
            for place, text in changed.items():
                cells[int(place)] = text
        yield Line(number, None if cells is None else tuple(cells))
