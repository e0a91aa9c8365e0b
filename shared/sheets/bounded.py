"""Workbooks (.xlsx), which may be hostile: a file of 5 kB can make its reader ask for 550 GB, and end its process.

They are bounded twice. Here each part is unpacked in pieces, up to a limit, and searched for what must not be there.
Then a process of its own reads the workbook, with limited memory and time (`child`).
"""

import io
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import orjson

from shared.sheets.cells import COLUMNS, ROWS, NotReadable

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNPACKED_BYTES = 100 * 1024 * 1024
SHEETS = 200
PARTS = 2000
SECONDS = 30
AT_ONCE = 2
"""Workbooks that one process has read at a time: each may take a gigabyte."""

_PIECE = 256 * 1024
_OVERLAP = 16 * 1024
_FAR = re.compile(rb'r="((?:[A-Z]{3,}[0-9]+)|(?:[A-Z]+[0-9]{6,}))"([^<>]*)>')
_REFERENCE = re.compile(rb"([A-Z]+)([0-9]+)")
_FORMULA = re.compile(
    rb'<c\b[^<>]*\br="([A-Z]+[0-9]+)"[^<>]*><f\b(?:[^<>]*/>|[^<>]*>[^<]*</f>)(?:<v\s*/>|<v></v>)?</c>'
)
_FOREIGN = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_turns = BoundedSemaphore(AT_ONCE)

SAVE_AS = "open it in a spreadsheet program and save it as .xlsx"


@dataclass(frozen=True)
class Inside:
    """Findings of a search of the parts. formulas: True if there are any. empty: cells of those without a value."""

    formulas: bool = False
    empty: frozenset[str] = field(default_factory=frozenset)


def is_zip(body: bytes) -> bool:
    """True if a body begins as a workbook does, and as no text can."""
    return body.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"))


def sheets_of(body: bytes) -> tuple[list[dict[str, Any]], Inside]:
    """Returns the visible sheets of a workbook as `child` gives them, and what else is inside. Raises NotReadable."""
    inside = searched(body)
    with _turns:
        found = _read_by_child(body)
    if "no" in found:
        raise NotReadable(found["no"])
    sheets: list[dict[str, Any]] = found["sheets"]
    return sheets, inside


def searched(body: bytes) -> Inside:
    """Unpack the parts in pieces, and return what is inside. Raises NotReadable for what is beyond the limits."""
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise NotReadable(f"The file is an old workbook (.xls), or protected by a password; {SAVE_AS}.")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _searched(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError, ValueError):
        raise NotReadable(f"The file is a damaged workbook, or none; {SAVE_AS}.") from None


def _searched(archive: zipfile.ZipFile) -> Inside:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        raise NotReadable(f"The file is a ZIP, but no workbook; {SAVE_AS}.")
    if len(parts) > PARTS or sum(name.startswith("xl/worksheets/sheet") for name in names) > SHEETS:
        raise NotReadable(f"The workbook has more than {SHEETS} sheets; keep only the one with the table.")
    left, formulas, empty = UNPACKED_BYTES, False, set[str]()
    for part in parts:
        carried = b""
        for piece in _pieces(archive, part):
            left -= len(piece)
            if left < 0:
                raise NotReadable(
                    f"The workbook is larger than {UNPACKED_BYTES >> 20} MiB unpacked; divide it, or save it as CSV."
                )
            looked_at = carried + piece
            _refuse_far_cells(looked_at)
            if part.filename.endswith((".xml", ".rels")) and _FOREIGN.search(looked_at):
                raise NotReadable(
                    f"The workbook defines entities of XML, which no spreadsheet program does; {SAVE_AS}."
                )
            if b"<f" in looked_at and part.filename.startswith("xl/worksheets/"):
                formulas = True
                empty.update(found.decode() for found in _FORMULA.findall(looked_at))
            carried = looked_at[-_OVERLAP:]
    return Inside(formulas, frozenset(empty))


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as opened:
        while piece := opened.read(_PIECE):
            yield piece


def _refuse_far_cells(xml: bytes) -> None:
    """Raise NotReadable for a cell beyond the last row or column that is read. A formatted cell without value is none.

    The reader makes room for all cells between the first and the last.
    """
    for found in _FAR.finditer(xml):
        reference = _REFERENCE.fullmatch(found[1])
        if reference is None or found[2].endswith(b"/"):
            continue
        column = 0
        for letter in reference[1][:4]:
            column = column * 26 + letter - 64
        if column > COLUMNS or int(reference[2][:9]) > ROWS:
            raise NotReadable(
                f"Cell {found[1][:12].decode()} lies beyond row {ROWS:,} or column ZZ; delete the rows and columns "
                f"that do not belong to the table (Ctrl+End leads to the last cell), and save the workbook."
            )


def _read_by_child(body: bytes) -> dict[str, Any]:
    program = str(Path(__file__).with_name("child.py"))
    try:
        done = subprocess.run(  # noqa: S603  # the interpreter that runs this, with a file of this package
            [sys.executable, "-I", program],
            input=body,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise NotReadable(
            f"The workbook could not be read within {SECONDS} seconds; divide it, or save it as CSV."
        ) from None
    except subprocess.CalledProcessError:
        raise NotReadable(
            "The workbook takes more memory or time than one may; delete what does not belong to the table, such as "
            "cells far to the right or below, or save it as CSV."
        ) from None
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found
