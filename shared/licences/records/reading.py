"""Parsing records from three formats: JSON for programs, NDJSON for streams, CSV for spreadsheets.

A row that cannot be read becomes a row with a code and a sentence, and fails alone. A body that cannot be parsed is
refused whole. A sentence quotes nothing of a row. A format is one entry of `_READERS`; a workbook would be another.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared import sheets
from shared.database import is_external_id
from shared.errors import Fault, InvalidInput
from shared.jobs import OutcomeCode
from shared.licences.records.schemas import MAX_RECORDS, RecordRequest

SYNONYMS = {
    "partyId": (
        "partyid", "partyentityid", "entityid", "employeeid", "employeenumber", "employeeno", "empid", "staffid",
        "staffnumber", "personid", "personnelnumber", "workerid", "personalnummer", "personalnr", "mitarbeiternummer",
        "mitarbeiternr", "mitarbeiterid", "matricule", "personeelsnummer", "ansattnummer", "id",
    ),
    "courseId": ("courseid",),
    "courseCode": ("coursecode", "course", "trainingcode", "training", "kurscode", "kurs", "codecours", "cursuscode"),
    "versionLabel": ("versionlabel", "version", "courseversion"),
    "completedOn": (
        "completedon", "completed", "completiondate", "datecompleted", "trainedon", "trainingdate", "issuedon",
        "issuedate", "abgeschlossenam", "absolviertam", "datum", "date",
    ),
    "expiresOn": (
        "expireson", "expires", "expirydate", "expirationdate", "validuntil", "validto", "gueltigbis", "gultigbis",
        "ablaufdatum", "geldigtot",
    ),
    "issuer": ("issuer", "issuedby", "provider", "trainingprovider", "aussteller", "anbieter", "organisme"),
    "number": (
        "number", "certificatenumber", "certificateno", "certificateid", "licencenumber", "licensenumber", "nummer",
        "zertifikatsnummer", "numero",
    ),
    "note": ("note", "notes", "comment", "comments", "remark", "remarks", "bemerkung", "notiz"),
}  # fmt: skip
"""The names of columns that each field is recognised by, the likeliest first: of two in a file the first counts."""

FIELDS = ", ".join(SYNONYMS)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
MAX_FAULTS_A_ROW = 5
_DAYS = ("completedOn", "expiresOn")
_REQUIRED = "this is required."
_SENTENCES = {
    "missing": _REQUIRED,
    "extra_forbidden": f"the row has an unknown field; the fields are {FIELDS}.",
    "string_pattern_mismatch": "must be 1 to 64 characters of A-Z a-z 0-9 . _ : - without blanks.",
    "model_type": "a row must be an object.",
}


@dataclass(frozen=True)
class ReadRow:
    """One row as it was read: see `RecordRow`."""

    row: int
    line: int | None
    party_id: str = ""
    course_id: UUID | None = None
    course_code: str | None = None
    version_label: str | None = None
    completed_on: date | None = None
    expires_on: date | None = None
    issuer: str | None = None
    number: str | None = None
    note: str | None = None
    code: str | None = None
    detail: str | None = None

    def values(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """A parsed body. columns: of a file, with the field of each. ignored_columns: those that are no field."""

    rows: list[ReadRow]
    columns: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Raw:
    """One row before it is validated. value: as a dictionary, or None for what `detail` says. name: of a field."""

    line: int | None
    value: object = None
    detail: str = ""
    name: str = ""


@dataclass(frozen=True)
class _Columns:
    """The columns of a file: field by position, and names by field, and the names that are no field."""

    fields: Mapping[int, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def read_records(
    media_type: str,
    body: bytes,
    today: date,
    *,
    charset: str | None = None,
    meanings: Mapping[str, str | None] | None = None,
) -> Reading:
    """Returns what a body holds. media_type: one of RECORD_TYPES. today: the organization's day.

    meanings: the field of a column by the column's name; None: the column is ignored. Raises InvalidInput for a body
    that cannot be parsed, has no row or more than `MAX_RECORDS`.
    """
    try:
        known, raws = _READERS[media_type](body, charset, meanings or {})
        rows = [_row(n, raw, known, today) for n, raw in enumerate(_bounded(raws), start=1)]
    except sheets.NotReadable as error:
        raise _refused(str(error)) from None
    if not rows:
        raise _refused("There is no record in it; send at least one.")
    return Reading(rows, {known.names[name]: name for name in known.fields.values()}, known.ignored)


def _bounded(raws: Iterator[_Raw]) -> Iterator[_Raw]:
    for n, raw in enumerate(raws):
        if n == MAX_RECORDS:
            raise _refused(f"A request may hold at most {MAX_RECORDS:,} records; send the others in another one.")
        yield raw


def _row(n: int, raw: _Raw, known: _Columns, today: date) -> ReadRow:
    if raw.detail:
        return _bad(n, raw, f"{known.names[raw.name]}: {raw.detail}" if raw.name in known.names else raw.detail)
    try:
        read = RecordRequest.model_validate(raw.value)
    except ValidationError as error:
        return _bad(n, raw, _sentence(error, raw.value, known))
    if read.completed_on > today:
        name = known.names.get("completedOn", "completedOn")
        return _bad(n, raw, f"{name}: the day of the training may not lie in the future; today is the latest.")
    values = {name: getattr(read, name) for name in RecordRequest.model_fields}
    return ReadRow(n, raw.line, **values | {"number": read.number or None})


def _bad(n: int, raw: _Raw, detail: str) -> ReadRow:
    given = raw.value.get("partyId") if isinstance(raw.value, dict) else None
    known = given if isinstance(given, str) and is_external_id(given) else ""
    return ReadRow(n, raw.line, known, code=OutcomeCode.INVALID_ROW, detail=detail)


def _sentence(error: ValidationError, raw: object, known: _Columns) -> str:
    """Returns what is wrong with a row: for each wrong field its column and a sentence."""
    given = raw if isinstance(raw, dict) else {}
    faults = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_A_ROW]
    return " ".join(dict.fromkeys(_fault(dict(fault), given, known) for fault in faults))


def _fault(fault: dict[str, Any], given: dict[str, object], known: _Columns) -> str:
    # An unknown field is not named: in a file without a header the "field" is a person's name.
    name = str(fault["loc"][0]) if fault["loc"] and fault["type"] != "extra_forbidden" else ""
    said = _SENTENCES.get(fault["type"], str(fault["msg"]).removeprefix("Value error, ").rstrip(".") + ".")
    if name in given and given[name] is None:
        said = _REQUIRED
    return f"{known.names.get(name, name)}: {said[0].lower()}{said[1:]}" if name else said[0].upper() + said[1:]


def _json(body: bytes, _: str | None, __: Mapping[str, str | None]) -> tuple[_Columns, Iterator[_Raw]]:
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise _refused("The body is not valid JSON.") from None
    if not isinstance(document, dict) or document.keys() != {"records"}:
        raise _refused('The body must be an object with one member, {"records": [...]}.')
    if not isinstance(document["records"], list):
        raise InvalidInput(Fault("/records", "Must be an array of records."))
    return _Columns(), (_Raw(None, value) for value in document["records"])


def _ndjson(body: bytes, _: str | None, __: Mapping[str, str | None]) -> tuple[_Columns, Iterator[_Raw]]:
    return _Columns(), _lines(body.removeprefix(b"\xef\xbb\xbf"))


def _lines(body: bytes) -> Iterator[_Raw]:
    for n, text in enumerate(body.splitlines(), start=1):
        if text.strip():
            try:
                yield _Raw(n, orjson.loads(text))
            except orjson.JSONDecodeError:
                yield _Raw(n, detail="This line is not valid JSON in UTF-8.")


def _csv(body: bytes, charset: str | None, meanings: Mapping[str, str | None]) -> tuple[_Columns, Iterator[_Raw]]:
    sheet = sheets.read(body, charset)
    known = _match(sheet.header, meanings)
    return known, _cells(sheet, known)


def _cells(sheet: sheets.Sheet, known: _Columns) -> Iterator[_Raw]:
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
            yield _Raw(row.line, detail=sheets.BAD_CELL, name=lost)
            continue
        yield _Raw(row.line, {name: _value(name, cell) for name, cell in cells.items() if cell or name in _NEEDED})


_NEEDED = ("partyId", "completedOn")


def _value(name: str, cell: str) -> object:
    """Returns the value of a cell, as the field's JSON would have it; None for an empty one.

    A day may be written as in 31.12.2026, which has one meaning only; one with slashes has two, and is refused.
    """
    text = sheets.unescaped(cell)
    if name in _DAYS and (dotted := _DOTTED.fullmatch(text)):
        day, month, year = dotted.groups()
        return f"{year}-{month:0>2}-{day:0>2}"
    return text or None


def _match(header: Sequence[str], meanings: Mapping[str, str | None]) -> _Columns:
    """Returns what the columns mean. Raises InvalidInput where a record could not be read from them."""
    keys = [sheets.column_key(name) for name in header]
    said = {sheets.column_key(name): meant for name, meant in meanings.items()}
    if unknown := [meant for meant in said.values() if meant is not None and meant not in SYNONYMS]:
        raise _refused(f"A record has no field {unknown[0][:64]}; its fields are {FIELDS}.")
    if missing := [name for name in said if name not in keys]:
        raise _refused(f"There is no column with the name that was given as {missing[0]}; look at the first line.")
    fields: dict[int, str] = {}
    for name, synonyms in SYNONYMS.items():
        if name in said.values():
            ranked = [(0, place) for place, key in enumerate(keys) if said.get(key) == name]
        else:
            ranked = [(synonyms.index(key), n) for n, key in enumerate(keys) if key in synonyms and key not in said]
        ranked.sort()
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise _refused(f"Columns {ranked[0][1] + 1} and {ranked[1][1] + 1} both are {name}; rename one of them.")
        if ranked:
            fields[ranked[0][1]] = name
    _need_columns(set(fields.values()))
    names = {name: header[place] for place, name in fields.items()}
    return _Columns(fields, names, [name or f"(column {n + 1})" for n, name in enumerate(header) if n not in fields])


def _need_columns(found: set[str]) -> None:
    for either in (("partyId",), ("completedOn",), ("courseCode", "courseId")):
        if found.isdisjoint(either):
            raise _refused(
                f"The first line must name the columns, and one of them must be {' or '.join(either)}; "
                f'`--map "Employee ID=partyId"` of `rollcall records import` says what a column is.'
            )


def _refused(why: str) -> InvalidInput:
    return InvalidInput(Fault("", why))


_Reader = Callable[[bytes, str | None, Mapping[str, str | None]], tuple[_Columns, Iterator[_Raw]]]

_READERS: dict[str, _Reader] = {
    "application/json": _json,
    "application/x-ndjson": _ndjson,
    "text/csv": _csv,
}

RECORD_TYPES = tuple(_READERS)
"""The media types that an import takes."""
