"""Records in the rows of a body: validated, and each fault in a sentence.

A row that cannot be read becomes a row with a code and a sentence, and fails alone. A body that cannot be parsed is
refused whole. A sentence quotes nothing of a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from shared.database import is_external_id
from shared.jobs import OutcomeCode
from shared.licences.records.schemas import MAX_RECORDS, RecordRequest
from shared.sheets import Body, Fields, Meanings, Raw, contents_of, refused

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

FIELDS = Fields(
    "record",
    "records",
    SYNONYMS,
    needed=(("partyId",), ("completedOn",), ("courseCode", "courseId")),
    most=MAX_RECORDS,
    days=frozenset({"completedOn", "expiresOn"}),
)
MAX_FAULTS_A_ROW = 5
_REQUIRED = "this is required."
_SENTENCES = {
    "missing": _REQUIRED,
    "extra_forbidden": f"the row has an unknown field; the fields are {', '.join(SYNONYMS)}.",
    "string_pattern_mismatch": "must be 1 to 64 characters of A-Z a-z 0-9 . _ : - without blanks.",
    "model_type": "a row must be an object.",
}


class ReadRow(NamedTuple):
    """One row as it was read: see `RecordRow`. A plain tuple, because 20,000 rows are made, stored and read at once."""

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


@dataclass(frozen=True)
class Reading:
    """A parsed body. columns: of a file, with the field of each. ignored_columns: those that are no field.

    notes: sentences about a file as a whole.
    """

    rows: list[ReadRow]
    columns: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_records(body: Body, today: date, said: Meanings | None = None) -> Reading:
    """Returns the records of a body. today: the organization's day. said: the remembered fields of columns, by key.

    Raises InvalidInput for a body that cannot be parsed, has no row or more than `MAX_RECORDS`.
    """
    contents = contents_of(body, FIELDS, said or {}, _value)
    names = contents.columns.names
    rows = [_row(raw, names, today) for raw in contents.rows]
    if not rows:
        raise refused("There is no record in it; send at least one.")
    return Reading(rows, contents.columns.taken, contents.columns.ignored, contents.notes)


def _row(raw: Raw, names: Mapping[str, str], today: date) -> ReadRow:
    if raw.detail:
        return _bad(raw, f"{names[raw.field]}: {raw.detail}" if raw.field in names else raw.detail)
    value = raw.value
    if names and isinstance(value, dict):
        value = {name: cell for name, cell in value.items() if cell is not None or name in _NEEDED}
    try:
        read = RecordRequest.model_validate(value)
    except ValidationError as error:
        return _bad(raw, _sentence(error, value, names))
    if read.completed_on > today:
        name = names.get("completedOn", "completedOn")
        return _bad(raw, f"{name}: the day of the training may not lie in the future; today is the latest.")
    given = read.party_id, read.course_id, read.course_code, read.version_label, read.completed_on, read.expires_on
    return ReadRow(raw.n, raw.line, *given, read.issuer, read.number or None, read.note)


def _bad(raw: Raw, detail: str) -> ReadRow:
    given = raw.value.get("partyId") if isinstance(raw.value, dict) else None
    known = given if isinstance(given, str) and is_external_id(given) else ""
    return ReadRow(raw.n, raw.line, known, code=OutcomeCode.INVALID_ROW, detail=detail)


def _sentence(error: ValidationError, raw: object, names: Mapping[str, str]) -> str:
    """Returns what is wrong with a row: for each wrong field its column and a sentence."""
    given = raw if isinstance(raw, dict) else {}
    faults = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_A_ROW]
    return " ".join(dict.fromkeys(_fault(dict(fault), given, names) for fault in faults))


def _fault(fault: dict[str, Any], given: dict[str, object], names: Mapping[str, str]) -> str:
    # An unknown field is not named: in a file without a header the "field" is a person's name.
    name = str(fault["loc"][0]) if fault["loc"] and fault["type"] != "extra_forbidden" else ""
    said = _SENTENCES.get(fault["type"], str(fault["msg"]).removeprefix("Value error, ").rstrip(".") + ".")
    if name in given and given[name] is None:
        said = _REQUIRED
    return f"{names.get(name, name)}: {said[0].lower()}{said[1:]}" if name else said[0].upper() + said[1:]


_NEEDED = ("partyId", "completedOn")


def _value(_: str, text: str, __: str) -> object:
    """Returns the value of a cell, as the field's JSON would have it; None for an empty one."""
    return text or None
