"""Parsing parties from three formats: JSON for programs, NDJSON for streams, CSV for spreadsheets.

An invalid row is reported and left out, and the other rows are taken. A body that cannot be parsed is refused whole.
A report repeats nothing of a row but a well-formed entityId: responses end up in logs, and rows hold names.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from shared.database import is_external_id
from shared.directory.schemas import MAX_PARTIES, BadRow, PartyRow
from shared.errors import Fault, InvalidInput

FIELDS = tuple(field.alias or name for name, field in PartyRow.model_fields.items())
REQUIRED = tuple(field.alias or name for name, field in PartyRow.model_fields.items() if field.is_required())
MAX_FAULTS_A_ROW = 10

_SENTENCES = {
    "missing": "This is required.",
    "extra_forbidden": f"This row has an unknown field; the fields are {', '.join(FIELDS)}.",
    "string_pattern_mismatch": "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : -",
    "model_type": "A row must be an object.",
    "bool_type": "Must be true or false.",
}

_TRUTHS = dict.fromkeys(("true", "yes", "on", "1", "t", "y"), True) | dict.fromkeys(
    ("false", "no", "off", "0", "f", "n"), False
)
"""The cells of a CSV that say if a party is active."""


@dataclass(frozen=True)
class _Unreadable:
    """A row that cannot be parsed. detail: why."""

    detail: str


def read_parties(media_type: str, body: bytes) -> tuple[list[PartyRow], list[BadRow]]:
    """Returns the valid rows of a body, each party once, and the faults of the other rows.

    media_type: one of MEDIA_TYPES. A second row about the same party is a bad row, because such a list is not what its
    sender thinks it is. Raises InvalidInput for a body that cannot be parsed or has too many rows.
    """
    good: dict[str, tuple[int, PartyRow]] = {}
    bad: list[BadRow] = []
    for n, raw in enumerate(_READERS[media_type](body), start=1):
        if n > MAX_PARTIES:
            raise _refused(f"A request may hold at most {MAX_PARTIES} parties; send the others in another one.")
        if isinstance(raw, _Unreadable):
            bad.append(BadRow(row=n, entity_id=None, pointer="", detail=raw.detail))
            continue
        try:
            row = PartyRow.model_validate(raw)
        except ValidationError as error:
            bad += _faults(n, raw, error)
            continue
        first, _ = good.setdefault(row.entity_id, (n, row))
        if first != n:
            detail = f"Row {first} is about the same party; that one was taken."
            bad.append(BadRow(row=n, entity_id=row.entity_id, pointer="/entityId", detail=detail))
    return [row for _, row in good.values()], bad


def _faults(n: int, raw: object, error: ValidationError) -> list[BadRow]:
    given = raw.get("entityId") if isinstance(raw, dict) else None
    entity_id = given if isinstance(given, str) and is_external_id(given) else None
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_A_ROW]
    return [
        BadRow(
            row=n,
            entity_id=entity_id,
            # An unknown field is not named: in a CSV without a header the "field" is a person's name.
            pointer="" if fault["type"] == "extra_forbidden" else "".join(f"/{step}" for step in fault["loc"]),
            detail=_SENTENCES.get(fault["type"], fault["msg"].removeprefix("Value error, ").rstrip(".") + "."),
        )
        for fault in found
    ]


def _json(body: bytes) -> Iterator[object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _refused("The body is not valid JSON.") from None
    if not isinstance(document, dict) or document.keys() != {"parties"}:
        raise _refused('The body must be an object with one member, {"parties": [...]}.')
    if not isinstance(document["parties"], list):
        raise InvalidInput(Fault("/parties", "Must be an array of parties."))
    yield from document["parties"]


def _ndjson(body: bytes) -> Iterator[object]:
    """Yields one row for each line that is not blank."""
    for line in body.splitlines():
        if line.strip():
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                yield _Unreadable("This line is not valid JSON.")


def _csv(body: bytes) -> Iterator[object]:
    """Yields the rows below a header of field names. `;` separates folders. An empty cell is no value, or no folder."""
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = _header(next(lines, []))
        for cells in lines:
            if cells:
                yield _record(header, cells)
    except UnicodeDecodeError:
        raise _refused("The CSV must be encoded in UTF-8.") from None
    except csv.Error:
        raise _refused(f"The CSV cannot be read beyond line {lines.line_num}; look at its quotation marks.") from None


def _header(cells: list[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    for n, name in enumerate(header, start=1):
        if name not in FIELDS or name in header[: n - 1]:
            raise _refused(
                f"The first row must name the columns, separated by commas, each with another one of "
                f"{', '.join(FIELDS)}; column {n} has none of these."
            )
    if missing := [name for name in REQUIRED if name not in header]:
        raise _refused(f"The first row must name the columns; {' and '.join(missing)} must be among them.")
    return header


def _record(header: list[str], cells: list[str]) -> object:
    if len(cells) != len(header):
        return _Unreadable(f"This row has {len(cells)} cells, but there are {len(header)} columns.")
    record: dict[str, object] = {name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()}
    if "folders" in header:
        given = cells[header.index("folders")].split(";")
        record["folders"] = [folder.strip() for folder in given if folder.strip()]
    if "active" in record:  # a cell is always text, and spreadsheets write TRUE
        record["active"] = _TRUTHS.get(str(record["active"]).strip().lower(), record["active"])
    return record


def _refused(why: str) -> InvalidInput:
    return InvalidInput(Fault("", why))


_READERS: dict[str, Callable[[bytes], Iterator[object]]] = {
    "application/json": _json,
    "application/x-ndjson": _ndjson,
    "text/csv": _csv,
}

MEDIA_TYPES = tuple(_READERS)
