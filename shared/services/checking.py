"""Checking the rows of an upload: what would become of them, and each fault with its line and its cell.

Each noun reads and checks its own rows; here their answers get one form. A check writes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from shared import directory, licences
from shared.access import Caller
from shared.jobs import OutcomeCode
from shared.services import assignments, records
from shared.services import directory as people
from shared.services.records import Sent
from shared.services.verbs import AnyVerb, verb
from shared.sheets import Body, Fields, Meanings, Raw, contents_of, table_in
from shared.texts import N_
from shared.uploads import Purpose, Upload
from shared.wire import MOST_ITEMS, may_be_new_id

UNKNOWN = "Nobody has this id in the directory, or they are outside your scope."
NO_ID = "Must be 1 to 64 characters of A-Z a-z 0-9 . _ : - without blanks."
MOST_KEPT = 500
"""Rows with a fault that can be repaired in the page before others can."""

TO_SAY = {
    "entityId": N_("Say which column has the id of each person."),
    "partyId": N_("Say which column has the id of each person."),
    "completedOn": N_("Say which column has the day of the training."),
    "courseCode": N_("Say which column has the code or the id of the course."),
}
"""A sentence for people in a page, by the first of the fields of which a column is needed."""

REPEATED = "Rows that repeat the id of another one count once."


class Wrong(NamedTuple):
    """A fault. line: of the file. place: of the cell, from 0; None: the whole row."""

    line: int
    place: int | None
    detail: str


@dataclass(frozen=True)
class Found:
    """The result of a check. fault: a sentence if rows cannot be read from the columns yet.

    total: rows. bad: those with a fault. counts: what would become of the good ones, by a word. wrong: by line.
    header: names of columns. fields: by place. notes: sentences about the file as a whole. sample: some rows, as lines
    and cells by name. cells: those of the first `MOST_KEPT` rows with a fault, by line; None: the line cannot be read.
    """

    header: list[str]
    fields: dict[int, str]
    fault: str | None = None
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sample: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    cells: dict[int, list[str] | None] = field(default_factory=dict)

    @property
    def bad(self) -> set[int]:
        """The lines with a fault."""
        return {one.line for one in self.wrong}

    @property
    def good(self) -> int:
        """The number of rows that can go in."""
        return self.total - len(self.bad)

    @classmethod
    def of(cls, upload: Upload) -> "Found":
        """Return what was found by the last check of an upload."""
        kept = upload.found
        numbered = {name: {int(key): value for key, value in kept[name].items()} for name in ("fields", "cells")}
        return cls(**{**kept, **numbered, "wrong": [Wrong(*one) for one in kept["wrong"]]})

    def kept(self) -> dict[str, Any]:
        """Return it as it is kept."""
        numbered = {
            name: {str(key): value for key, value in getattr(self, name).items()} for name in ("fields", "cells")
        }
        return vars(self) | numbered


Checked = tuple[int, dict[str, int], Iterator[tuple[int, str, str]], list[str]]
"""Rows, counts of the good ones, faults as line, field and sentence, and notes."""


RECIPIENTS = Fields(
    "recipient",
    "recipients",
    {"entityId": (*directory.FIELDS.synonyms["entityId"], "partyentityid", "recipient", "recipientid", "party")},
    needed=(("entityId",),),
    most=MOST_ITEMS,
)


def _recipients(db: Session, caller: Caller, body: Body, said: Meanings, _: datetime) -> Checked:
    known, faults, repeated, total = dict[str, int](), list[tuple[int, str, str]](), 0, 0
    for raw in contents_of(body, RECIPIENTS, said, lambda _, text, __: text).rows:
        total, line, one = total + 1, raw.line or raw.n, _id_in(raw)
        if one is None:
            faults.append((line, "entityId", raw.detail or NO_ID))
        elif one in known:
            repeated += 1
        else:
            known[one] = line
    faults += [(known[one], "entityId", UNKNOWN) for one in directory.unknown_among(db, known, caller.folders)]
    total -= repeated
    return total, {"recipients": total - len(faults)}, iter(sorted(faults)), [REPEATED] if repeated else []


def recipients_in(body: Body, said: Meanings) -> list[str]:
    """Return the ids in the rows of a file, each once. Rows with a fault are left out. Raises InvalidInput."""
    rows = contents_of(body, RECIPIENTS, said, lambda _, text, __: text).rows
    return list(dict.fromkeys(one for one in map(_id_in, rows) if one is not None))


def _id_in(raw: Raw) -> str | None:
    one = raw.value.get("entityId") if isinstance(raw.value, dict) and not raw.detail else None
    return one if isinstance(one, str) and may_be_new_id(one) else None


def _people(db: Session, caller: Caller, body: Body, said: Meanings, now: datetime) -> Checked:
    """Put the people in and take it back: only that finds what the database refuses."""
    reading = directory.read_parties(body, said)
    with db.begin_nested() as tried:
        answer = people.put_read_parties(db, caller, reading, reading.rows, now)
        tried.rollback()
    bad = [*reading.bad, *answer.errors]
    faults = [(one.line or one.row, one.pointer.strip("/").partition("/")[0], one.detail) for one in bad]
    counts = {"created": answer.created, "updated": answer.updated, "unchanged": answer.unchanged + answer.erased}
    unread = len({one.row for one in reading.bad})
    return len(reading.rows) + unread, counts, iter(sorted(faults)), list(reading.notes)


_ABOUT: dict[str, tuple[str, ...]] = {
    OutcomeCode.PARTY_NOT_FOUND: ("partyId",),
    OutcomeCode.PARTY_ERASED: ("partyId",),
    OutcomeCode.COURSE_NOT_FOUND: ("courseCode", "courseId"),
    OutcomeCode.VERSION_NOT_FOUND: ("versionLabel",),
    OutcomeCode.EXPIRY_NEEDED: ("expiresOn",),
    OutcomeCode.OWN_ISSUER: ("issuer",),
}
"""The fields that the codes of refused rows are about."""


def _records(db: Session, caller: Caller, body: Body, _: Meanings, now: datetime) -> Checked:
    reading, decisions = records.decided(db, caller, Sent(body), now)
    faults, counts = list[tuple[int, str, str]](), dict[str, int]()
    for one in decisions:
        detail = one.detail or one.code.detail
        if one.code.outcome == "failed":
            about = _ABOUT.get(one.code, ())
            there = (meant for name, meant in reading.columns.items() if meant in about or f"{name}: " in detail)
            meant = next(there, "")
            faults.append((one.row.line or one.row.row, meant, detail))
        else:
            counts[str(one.code)] = counts.get(str(one.code), 0) + 1
    return len(reading.rows), counts, iter(sorted(faults)), list(reading.notes)


@dataclass(frozen=True)
class Kind:
    """How the rows of a purpose are read and checked. needs: the verb with whose permission they go in.

    remembered: the fields of which it is remembered what columns are; a file of recipients has the ids of people.
    """

    needs: AnyVerb
    fields: Fields
    remembered: Fields
    check: Callable[[Session, Caller, Body, Meanings, datetime], Checked]


KINDS = {
    Purpose.RECIPIENTS: Kind(assignments.submit_assignments, RECIPIENTS, directory.FIELDS, _recipients),
    Purpose.PEOPLE: Kind(people.put_parties, directory.FIELDS, directory.FIELDS, _people),
    Purpose.RECORDS: Kind(records.import_records, licences.RECORD_FIELDS, licences.RECORD_FIELDS, _records),
}


@verb()
def check(db: Session, caller: Caller, purpose: Purpose, bodies: Callable[[], Body], now: datetime) -> Found:
    """Return what would become of the rows of a file. bodies: opens it anew.

    Raises PermissionDenied without the permission that the rows go in with, and InvalidInput.
    """
    kind = KINDS[purpose]
    kind.needs.need(caller)
    said = directory.meanings_of_columns(db, kind.remembered)
    table = table_in(bodies(), kind.fields, said)
    header, fields, sample = list(table.header), dict(table.columns.fields), table.sample()
    if table.columns.fault:
        fault = TO_SAY.get(next(iter(table.columns.needs), ""), table.columns.fault)
        return Found(header, fields, fault=fault, notes=list(table.notes), sample=sample)
    total, counts, faults, notes = kind.check(db, caller, bodies(), said, now)
    places = {meant: place for place, meant in fields.items()}
    wrong = [Wrong(line, places.get(meant), detail) for line, meant, detail in faults]
    first = set(sorted({one.line for one in wrong})[:MOST_KEPT])
    cells = {row.number: None if row.cells is None else list(row.cells) for row in table.rows if row.number in first}
    return Found(header, fields, None, total, counts, wrong, notes, sample, cells)
