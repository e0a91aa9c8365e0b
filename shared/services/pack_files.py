"""The files of a pack: tables, one JSON file a person, the manifest, and a page that explains them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from shared import access, clock
from shared.events import Inclusion
from shared.packs import Pack, PackContent
from shared.services.pack_facts import PersonFacts
from shared.sheets import escaped, line

MANIFEST = "manifest.json"

PEOPLE = ("number", "partyId", "displayName", "active", "licensedFor", "file")
LICENCES = (
    "number",
    "partyId",
    "displayName",
    "courseCode",
    "courseTitle",
    "versionLabel",
    "licensed",
    "reason",
    "validFrom",
    "expiresAt",
    "source",
    "issuer",
    "licenceId",
    "events",
)
COMPLETIONS = (
    "number",
    "partyId",
    "displayName",
    "courseCode",
    "courseTitle",
    "versionLabel",
    "occurredOn",
    "completedAt",
    "method",
    "by",
    "assignmentId",
    "events",
)

README = """EVIDENCE PACK

{organization}: {people} people, as of the end of {on} ({zone}).
Made on {made}.

{files}

The table of licences answers what the service would have answered on that day; a record of the past, a licence that
begins before it was granted, and an undone import count as they are known now. Corrections and revocations that came
later do not change it, and stand in the files of people.

HOW TO CHECK IT
Every event that grants, corrects or revokes one of these licences, or completes one of these trainings, stands in the
file of its person with a proof that it is one of the {tree_size} events of this head:

    {head}

Compare this head with one that was published, or that you wrote down, at a place where {organization} cannot write. If
yours is of another day, ask for the proof that one goes on from the other (/v1/audit/consistency). Then check:
1. The SHA-256 of every file is the one in manifest.json, and no file is missing or added.
2. Each proof in a file of people/ leads to the last part of the head: begin with the SHA-256 of a zero byte and the
   text "form"; then, for each hash of "path", take the SHA-256 of a one byte, the left and the right hash. RFC 9162,
   2.1.3.2, says which is which: the index of an event is its sequence less one.
3. Each licence and training of the person has such a proof for each of its "events" up to that head, and its dates are
   what these events say. An event keeps the id that the person had then: "formerIds" names the events that lead from
   such an id to the present one, and their proofs are there too.
4. The SHA-256 of manifest.json is the "manifestHash" of the event pack.made, in the audit log of {organization}. It is
   later than the head above: ask for its proof (/v1/audit/inclusion) for a later head that was published.
Rollcall's documents have a script of 60 lines that does this with Python alone: docs/examples/verify_pack.py.

Steps 1 to 3 prove that the events which are shown were recorded, and when, and what they say of dates. Names, numbers,
issuers, the tables, and the sheets are bound by step 4 alone: without it, whoever passed the pack on may have altered
them, or left records out.
A pack does not prove that nothing else was recorded. For that, ask for an export of everything: `rollcall audit verify
--file` checks it against the same head.
"""


FILES = (
    (None, "people.csv", "who is in this pack. The number of a person is that of the files about them."),
    (
        PackContent.LICENCES,
        "licences.csv",
        "who was licensed at the end of {on}, or had been, and by which licence. No line: never licensed by then.",
    ),
    (PackContent.COMPLETIONS, "completions.csv", "the training that each person had completed by then."),
    (None, "people/", "all of it once more, one file for each person, with the proofs (JSON)."),
    (PackContent.SHEETS, "sheets/", "the same to print, one sheet for each person, without the proofs (PDF)."),
    (PackContent.SHEETS, "summary.pdf", "how many were licensed for each course, and an index of the people (PDF)."),
    (None, "manifest.json", "the SHA-256 of every other file, and the head of the audit log to which the proofs lead."),
)
"""The lines of the README about files. Those of parts that were left out are left out."""


def parts_of(facts: Sequence[PersonFacts], include: Sequence[str]) -> dict[tuple[str, int], bytes]:
    """Returns what these people add to the files of a pack, by name of the file and number of the first of them."""
    first = facts[0].number
    tables: dict[tuple[str, int], str] = {("people.csv", first): "".join(map(_person_line, facts))}
    if PackContent.LICENCES in include:
        tables["licences.csv", first] = "".join(row for one in facts for row in _licence_lines(one))
    if PackContent.COMPLETIONS in include:
        tables["completions.csv", first] = "".join(row for one in facts for row in _completion_lines(one))
    parts = {at: text.encode() for at, text in tables.items()}
    for one in facts:
        parts[one.file, 0] = orjson.dumps(_person(one), option=orjson.OPT_INDENT_2)
    return parts


def headings(include: Sequence[str]) -> dict[tuple[str, int], bytes]:
    """Returns the first lines of the tables."""
    tables: dict[str, Sequence[str]] = {"people.csv": PEOPLE}
    tables |= {"licences.csv": LICENCES} if PackContent.LICENCES in include else {}
    tables |= {"completions.csv": COMPLETIONS} if PackContent.COMPLETIONS in include else {}
    return {(name, 0): line(columns).encode() for name, columns in tables.items()}


def readme(pack: Pack, organization: access.Organization, now: datetime) -> bytes:
    """Returns the page that explains a pack."""
    on = pack.on_day.isoformat()
    files = [f"{name:16} {says.format(on=on)}" for part, name, says in FILES if part is None or part in pack.include]
    return README.format(
        files="\n".join(files),
        organization=organization.name,
        people=pack.people,
        on=on,
        zone=organization.time_zone,
        made=_instant(now),
        tree_size=f"{pack.tree_size:,}",
        head=f"{pack.tree_size}:{pack.head_hash}:{pack.root_hash}",
    ).encode()


def manifest(
    pack: Pack, organization: access.Organization, files: Sequence[tuple[str, str, int]], now: datetime
) -> bytes:
    """Returns the manifest. files: name, SHA-256 and size of each other file."""
    about: dict[str, Any] = {
        "pack": str(pack.id),
        "organization": {"id": organization.id, "name": organization.name},
        "on": pack.on_day.isoformat(),
        "timeZone": organization.time_zone,
        "madeAt": _instant(now),
        "people": pack.people,
        "head": {
            "sequence": pack.tree_size,
            "hash": pack.head_hash,
            "treeSize": pack.tree_size,
            "rootHash": pack.root_hash,
        },
        "files": [{"name": name, "sha256": digest, "size": size} for name, digest, size in files],
    }
    return orjson.dumps(about, option=orjson.OPT_INDENT_2)


def digest_of(content: bytes) -> str:
    """Returns the SHA-256 of a file."""
    return sha256(content).hexdigest()


def _person(one: PersonFacts) -> dict[str, Any]:
    return {
        "number": one.number,
        "partyId": one.party.id,
        "displayName": one.party.display_name,
        "active": one.party.active,
        "formerIds": [
            {"id": former, "events": _sequences(moves)} for former, moves in one.moves.items() if former != one.party.id
        ],
        "onTheDay": [_held(checked, course) for checked, course in one.held],
        "licences": [_licence(licence, row, one) for licence, row in one.licences],
        "completions": [_completion(done, row, one) for done, row in one.completions],
        "proofs": [_proof(proof) for proof in one.proofs],
    }


def _proof(proof: Inclusion) -> dict[str, Any]:
    return {"sequence": proof.sequence, "form": proof.form, "path": proof.path}


def _held(checked: Any, course: Any) -> dict[str, Any]:
    return {
        "courseId": str(checked.course_id),
        "courseCode": course.code,
        "courseTitle": course.title,
        "versionLabel": checked.version_label,
        "licensed": checked.licensed,
        "reason": checked.reason.value,
        "validFrom": _instant(checked.valid_from),
        "expiresAt": _instant(checked.expires_at),
        "source": checked.source,
        "issuer": checked.issuer,
        "licenceId": None if checked.licence_id is None else str(checked.licence_id),
    }


def _of_version(row: Any) -> dict[str, Any]:
    return {"courseCode": row.course_code, "courseTitle": row.course_title, "versionLabel": row.version_label}


def _licence(licence: Any, row: Any, one: PersonFacts) -> dict[str, Any]:
    return {
        "id": str(licence.id),
        **_of_version(row),
        "source": licence.source.value,
        "issuer": licence.issuer,
        "number": licence.number,
        "completedOn": None if licence.completed_on is None else licence.completed_on.isoformat(),
        "grantedAt": _instant(licence.granted_at),
        "validFrom": _instant(licence.begins_at),
        "expiresAt": _instant(licence.expires_at),
        "supersededAt": _instant(licence.superseded_at),
        "revokedAt": _instant(licence.revoked_at),
        "revocationReason": licence.revocation_reason,
        "events": _told(one, f"licence/{licence.id}"),
    }


def _completion(done: Any, row: Any, one: PersonFacts) -> dict[str, Any]:
    return {
        "id": str(done.id),
        **_of_version(row),
        "occurredOn": done.occurred_on.isoformat(),
        "completedAt": _instant(done.completed_at),
        "method": done.completion_method,
        "by": {"type": done.completed_by_type, "id": done.completed_by_id},
        "events": _told(one, f"assignment/{done.id}"),
    }


def _told(one: PersonFacts, subject: str) -> list[dict[str, Any]]:
    return _sequences(one.events.get(subject, ()))


def _sequences(recorded: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
    return [{"sequence": sequence, "type": type_} for sequence, type_ in recorded]


def _person_line(one: PersonFacts) -> str:
    licensed = sum(checked.licensed for checked, _ in one.held)
    about = {"active": one.party.active, "licensedFor": licensed, "file": one.file}
    return _row(PEOPLE, one, about)


def _licence_lines(one: PersonFacts) -> Iterator[str]:
    for checked, course in one.held:
        about = _held(checked, course)
        yield _row(LICENCES, one, about, f"licence/{checked.licence_id}")


def _completion_lines(one: PersonFacts) -> Iterator[str]:
    for done, row in one.completions:
        about = _completion(done, row, one) | {"assignmentId": str(done.id), "by": done.completed_by_id}
        yield _row(COMPLETIONS, one, about, f"assignment/{done.id}")


def _row(columns: Sequence[str], one: PersonFacts, about: dict[str, Any], subject: str = "") -> str:
    """Returns a line of a table, with the same values as the person's JSON, by the columns' names."""
    told = " ".join(str(sequence) for sequence, _ in one.events.get(subject, ()))
    who = {"number": one.number, "partyId": one.party.id, "displayName": one.party.display_name}
    values = who | about | {"events": told}
    return line([_cell(values[name]) for name in columns])


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return escaped(str(value))
        case int():
            return str(value)
    raise TypeError(type(value).__name__)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else clock.in_json(at)
