"""Parsing parties from three formats: JSON for programs, NDJSON for streams, CSV for spreadsheets.

An invalid row is reported and left out, and the other rows are taken. A body that cannot be parsed is refused whole.
A report repeats nothing of a row but a well-formed entityId: responses end up in logs, and rows hold names.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson
from pydantic import ValidationError

from shared import sheets
from shared.database import is_external_id
from shared.directory import columns
from shared.directory.columns import Columns
from shared.directory.schemas import MAX_PARTIES, BadRow, FileRow, PartyRow
from shared.errors import Fault, InvalidInput

FIELDS = tuple(field.alias or name for name, field in PartyRow.model_fields.items())
MAX_FAULTS_A_ROW = 10
YES = {"true", "yes", "on", "y", "t", "1", "wahr", "ja", "j", "vrai", "oui", "active", "aktiv", "x"}
NO = {"false", "no", "off", "n", "f", "0", "falsch", "nein", "faux", "non", "nee", "nei", "inactive", "inaktiv"}

_REQUIRED = "This is required."
_SENTENCES = {
    "missing": _REQUIRED,
    "extra_forbidden": f"This row has an unknown field; the fields are {', '.join(FIELDS)}.",
    "string_pattern_mismatch": "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : - without blanks.",
    "model_type": "A row must be an object.",
    "bool_type": "Must be true or false.",
}
_KEPT = {
    "displayName": "This cannot be cleared; write a name.",
    "active": "This cannot be cleared; write true or false.",
}


@dataclass(frozen=True)
class Place:
    """Where a row stands. n: its number, from 1. line: of the file, or None. columns: names in the file, by field."""

    n: int
    line: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def bad(self, pointer: str, entity_id: str | None, detail: str) -> BadRow:
        """Returns a fault of this row. pointer: a JSON pointer into it."""
        column = self.columns.get(pointer.split("/")[1]) if pointer else None
        return BadRow(row=self.n, line=self.line, column=column, pointer=pointer, entity_id=entity_id, detail=detail)


@dataclass(frozen=True)
class Reading:
    """A parsed body. rows: the valid rows, each party once. places: of each of them. bad: faults of the others."""

    rows: list[PartyRow]
    places: dict[str, Place]
    bad: list[BadRow]
    columns: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Raw:
    """One row before it is validated. value: as a dictionary, or None for what `detail` says. pointer: of the fault."""

    line: int | None
    value: object = None
    detail: str = ""
    pointer: str = ""


def read_parties(
    media_type: str,
    body: bytes,
    *,
    charset: str | None = None,
    said: Mapping[str, str | None] | None = None,
    now_said: Mapping[str, str | None] | None = None,
    most: int = MAX_PARTIES,
) -> Reading:
    """Returns what a body holds. media_type: one of MEDIA_TYPES. said, now_said: as in `columns.match`.

    A second row about the same party is a bad row, because such a list is not what its sender thinks it is. Raises
    InvalidInput for a body that cannot be parsed or has more rows than `most`.
    """
    if media_type == CSV:
        try:
            sheet = sheets.read(body, charset)
            known = columns.match(sheet.header, said or {}, now_said or {})
            return _validated(_csv(sheet, known), FileRow, known, most)
        except sheets.NotReadable as error:
            raise _refused(str(error)) from None
    return _validated(_READERS[media_type](body), PartyRow, Columns({}, {}, []), most)


def _validated(raws: Iterator[_Raw], model: type[PartyRow], known: Columns, most: int) -> Reading:
    rows: dict[str, PartyRow] = {}
    places: dict[str, Place] = {}
    bad: list[BadRow] = []
    named = {name: column for column, name in known.taken.items()}
    for n, raw in enumerate(raws, start=1):
        if n > most:
            raise _refused(f"A request may hold at most {most} parties; send the others in another one.")
        place = Place(n, raw.line, named)
        if raw.detail:
            bad.append(place.bad(raw.pointer, None, raw.detail))
            continue
        try:
            row = model.model_validate(raw.value)
        except ValidationError as error:
            bad += _faults(place, raw.value, error)
            continue
        if row.entity_id in rows:
            detail = f"Row {places[row.entity_id].n} is about the same party; that one was taken."
            bad.append(place.bad("/entityId", row.entity_id, detail))
        else:
            rows[row.entity_id], places[row.entity_id] = row, place
    return Reading(list(rows.values()), places, bad, known.taken, known.ignored)


def _faults(place: Place, raw: object, error: ValidationError) -> list[BadRow]:
    given = raw if isinstance(raw, dict) else {}
    entity_id = given.get("entityId")
    known = entity_id if isinstance(entity_id, str) and is_external_id(entity_id) and entity_id.strip(".") else None
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_A_ROW]
    return [place.bad(*_pointer_and_sentence(fault, given, known)) for fault in found]


def _pointer_and_sentence(fault: object, given: dict[str, object], known: str | None) -> tuple[str, str | None, str]:
    error: dict[str, object] = dict(fault)  # type: ignore[call-overload]
    steps = error["loc"]
    assert isinstance(steps, tuple)
    # An unknown field is not named: in a file without a header the "field" is a person's name.
    pointer = "" if error["type"] == "extra_forbidden" else "".join(f"/{step}" for step in steps)
    name = str(steps[0]) if steps else ""
    if name in given and given[name] is None:
        return pointer, known, _KEPT.get(name, _REQUIRED)
    said = str(error["msg"]).removeprefix("Value error, ").rstrip(".") + "."
    return pointer, known, _SENTENCES.get(str(error["type"]), said[0].upper() + said[1:])


def _json(body: bytes) -> Iterator[_Raw]:
    try:
        document = orjson.loads(_in_utf8(body))
    except orjson.JSONDecodeError:
        raise _refused("The body is not valid JSON.") from None
    if not isinstance(document, dict) or document.keys() != {"parties"}:
        raise _refused('The body must be an object with one member, {"parties": [...]}.')
    if not isinstance(document["parties"], list):
        raise InvalidInput(Fault("/parties", "Must be an array of parties."))
    for value in document["parties"]:
        yield _Raw(None, value)


def _ndjson(body: bytes) -> Iterator[_Raw]:
    """Yields one row for each line that is not blank."""
    for n, text in enumerate(_in_utf8(body).splitlines(), start=1):
        if text.strip():
            try:
                yield _Raw(n, orjson.loads(text))
            except orjson.JSONDecodeError:
                yield _Raw(n, detail="This line is not valid JSON in UTF-8.")


def _in_utf8(body: bytes) -> bytes:
    """Returns the body in UTF-8 without a byte order mark, which spreadsheets and Windows write before any text."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace").encode("utf-8", "replace")
    return body.removeprefix(b"\xef\xbb\xbf")


def _csv(sheet: sheets.Sheet, known: Columns) -> Iterator[_Raw]:
    """Yields the rows below the header. A cell that a short row lacks is not mentioned; an empty one clears."""
    for row in sheet.rows:
        if row.cells is None:
            yield _Raw(row.line, detail=sheets.BAD_LINE)
            continue
        if any(row.cells[len(sheet.header) :]):
            detail = f"This row has {len(row.cells)} cells, but there are {len(sheet.header)} columns."
            yield _Raw(row.line, detail=detail)
            continue
        cells = {name: row.cells[place] for place, name in known.fields.items() if place < len(row.cells)}
        lost = next((name for name, cell in cells.items() if sheets.is_lost(cell)), None)
        if lost is not None:
            yield _Raw(row.line, detail=sheets.BAD_CELL, pointer=f"/{lost}")
            continue
        yield _Raw(row.line, {name: _value(name, cell, sheet.separator) for name, cell in cells.items()})


def _value(name: str, cell: str, separator: str) -> object:
    """Returns the value of a cell, as the field's JSON would have it; None for an empty one."""
    text = sheets.unescaped(cell)
    if not text:
        return None
    if name == "active":
        return True if text.casefold() in YES else False if text.casefold() in NO else text
    if name == "folders":
        parts = (text if separator == ";" else text.replace(";", "|")).split("|")
        return [part.strip() for part in parts if part.strip()]
    return text


def _refused(why: str) -> InvalidInput:
    return InvalidInput(Fault("", why))


CSV = "text/csv"

_READERS: dict[str, Callable[[bytes], Iterator[_Raw]]] = {
    "application/json": _json,
    "application/x-ndjson": _ndjson,
}

MEDIA_TYPES = (*_READERS, CSV)
