"""Parties in the rows of a body: validated, and each fault with its place.

An invalid row is reported and left out, and the other rows are taken. A body that cannot be parsed is refused whole.
A report repeats nothing of a row but a well-formed entityId: responses end up in logs, and rows hold names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from shared.directory.columns import FIELDS
from shared.directory.schemas import MAX_PARTIES, BadRow, FileRow, PartyRow
from shared.sheets import Body, Contents, Meanings, Raw, contents_of
from shared.wire import may_be_new_id

MAX_FAULTS_A_ROW = 10
YES = {"true", "yes", "on", "y", "t", "1", "wahr", "ja", "j", "vrai", "oui", "active", "aktiv", "x"}
NO = {"false", "no", "off", "n", "f", "0", "falsch", "nein", "faux", "non", "nee", "nei", "inactive", "inaktiv"}

_REQUIRED = "This is required."
_SENTENCES = {
    "missing": _REQUIRED,
    "extra_forbidden": f"This row has an unknown field; the fields are {', '.join(FIELDS.synonyms)}.",
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
    """A parsed body. rows: the valid rows, each party once. places: of each of them. bad: faults of the others.

    notes: sentences about a file as a whole. blanks: ids of bad rows without the blanks in them, by the row's number.
    """

    rows: list[PartyRow]
    places: dict[str, Place]
    bad: list[BadRow]
    columns: dict[str, str] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    blanks: dict[int, str] = field(default_factory=dict)


def read_parties(body: Body, said: Meanings | None = None, most: int = MAX_PARTIES) -> Reading:
    """Returns the parties of a body. said: the remembered fields of columns, by key.

    A second row about the same party is a bad row, because such a list is not what its sender thinks it is. Raises
    InvalidInput for a body that cannot be parsed or has more rows than `most`.
    """
    contents = contents_of(body, replace(FIELDS, most=most), said or {}, _value)
    return _validated(contents, FileRow if body.is_file else PartyRow)


def _validated(contents: Contents, model: type[PartyRow]) -> Reading:
    rows: dict[str, PartyRow] = {}
    places: dict[str, Place] = {}
    bad: list[BadRow] = []
    blanks: dict[int, str] = {}
    named = contents.columns.names
    for raw in contents.rows:
        place = Place(raw.n, raw.line, named)
        if raw.detail:
            bad.append(_unread(place, raw))
            continue
        try:
            row = model.model_validate(raw.value)
        except ValidationError as error:
            bad += _faults(place, raw.value, error)
            if without := _without_blanks(raw.value):
                blanks[raw.n] = without
            continue
        if row.entity_id in rows:
            detail = f"Row {places[row.entity_id].n} is about the same party; that one was taken."
            bad.append(place.bad("/entityId", row.entity_id, detail))
        else:
            rows[row.entity_id], places[row.entity_id] = row, place
    columns = contents.columns
    return Reading(list(rows.values()), places, bad, columns.taken, columns.ignored, contents.notes, blanks)


def _unread(place: Place, raw: Raw) -> BadRow:
    return place.bad(f"/{raw.field}" if raw.field else "", _known_id(raw.value), raw.detail)


def _faults(place: Place, raw: object, error: ValidationError) -> list[BadRow]:
    given, known = raw if isinstance(raw, dict) else {}, _known_id(raw)
    found = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_FAULTS_A_ROW]
    return [place.bad(*_pointer_and_sentence(fault, given, known)) for fault in found]


def _known_id(raw: object) -> str | None:
    """Returns the id in a row, if it is well-formed."""
    entity_id = raw.get("entityId") if isinstance(raw, dict) else None
    return entity_id if isinstance(entity_id, str) and may_be_new_id(entity_id) else None


def _without_blanks(raw: object) -> str | None:
    """Returns the id of a row without the blanks in it; None if it has none, or is no id without them either."""
    entity_id = raw.get("entityId") if isinstance(raw, dict) else None
    without = "".join(entity_id.split()) if isinstance(entity_id, str) else ""
    return without if without != entity_id and may_be_new_id(without) else None


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


def _value(name: str, text: str, separator: str) -> object:
    """Returns the value of a cell, as the field's JSON would have it; None for an empty one."""
    if not text:
        return None
    if name == "active":
        return True if text.casefold() in YES else False if text.casefold() in NO else text
    if name == "folders":
        parts = (text if separator == ";" else text.replace(";", "|")).split("|")
        return [part.strip() for part in parts if part.strip()]
    return text
