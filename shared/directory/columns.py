"""Finding the field of each column of a file of people, by its name without letter case, accents and punctuation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.errors import Fault, InvalidInput
from shared.sheets import column_key

SYNONYMS = {
    "entityId": (
        "entityid", "partyid", "employeeid", "employeenumber", "employeeno", "employeenr", "empid", "empno", "staffid",
        "staffnumber", "staffno", "personid", "personnelnumber", "personnelno", "personnelid", "workerid",
        "workernumber", "payrollnumber", "personalnummer", "personalnr", "persnr", "mitarbeiternummer",
        "mitarbeiternr", "mitarbeiterid", "matricule", "numeroemploye", "personeelsnummer", "ansattnummer", "id",
    ),
    "displayName": (
        "displayname", "fullname", "employeename", "personname", "staffname", "workername", "name", "anzeigename",
        "vollstandigername", "mitarbeitername", "nomcomplet", "naam", "navn",
    ),
    "email": (
        "email", "emailaddress", "workemail", "workemailaddress", "businessemail", "companyemail", "emailwork", "mail",
        "emailadresse", "emailadres", "adresseemail", "courriel", "epost",
    ),
    "memberId": ("memberid", "member"),
    "active": ("active", "isactive", "aktiv", "istaktiv", "actif", "actief"),
    "timeZone": ("timezone", "tz", "zeitzone", "fuseauhoraire", "tijdzone", "tidssone"),
    "language": ("language", "preferredlanguage", "languagecode", "locale", "sprache", "langue", "taal", "sprak"),
    "folders": ("folders", "folder", "foldernames", "foldername", "ordner", "mappen", "mapper"),
}  # fmt: skip
"""The names of columns that each field is recognised by, the likeliest first: of two in a file the first counts.

No department, team or location: a folder is what scopes are made of, so somebody has to say that a column is one.
"""


@dataclass(frozen=True)
class Columns:
    """The columns of a file. fields: field by position. taken: field by the column's name. ignored: names."""

    fields: Mapping[int, str]
    taken: dict[str, str]
    ignored: list[str]


def match(header: Sequence[str], said: Mapping[str, str | None], now_said: Mapping[str, str | None]) -> Columns:
    """Returns what the columns mean. said, now_said: field by key of a name, as remembered and as this request says.

    A field's own name counts more than what is remembered, and that more than a synonym. Raises InvalidInput for a file
    without a column of ids, for two columns that were said to be the same field, and for a column that is not there.
    """
    keys = [column_key(name) for name in header]
    if missing := [name for name in now_said if name not in keys]:
        raise _refused(f"There is no column with the name that was given as {missing[0]}; look at the first line.")
    said = {**said, **now_said}
    fields: dict[int, str] = {}
    for field, synonyms in SYNONYMS.items():
        free = [place for place, name in enumerate(keys) if name and said.get(name, field) == field]
        ranks = [(_rank(keys[place], field, synonyms, said, now_said), place) for place in free]
        ranked = sorted((rank, place) for rank, place in ranks if rank)
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            first, second = sorted(place + 1 for _, place in ranked[:2])
            raise _refused(f"Columns {first} and {second} both are {field}; rename one of them.")
        if ranked:
            fields[ranked[0][1]] = field
    if "entityId" not in fields.values():
        raise _refused(
            "The first line must name the columns, and one of them must be entityId, the id of each party; "
            '`--map "Employee ID=entityId"` of `rollcall parties import` says which one it is.'
        )
    return Columns(
        fields,
        {header[place]: field for place, field in sorted(fields.items())},
        [name or f"(column {place + 1})" for place, name in enumerate(header) if place not in fields],
    )


def _rank(
    name: str,
    field: str,
    synonyms: Sequence[str],
    said: Mapping[str, str | None],
    now_said: Mapping[str, str | None],
) -> int:
    """Returns how well a column's name fits a field: 1 best, 0 not at all."""
    if name in now_said:
        return 1 if now_said[name] == field else 0
    if field in now_said.values():
        return 0
    if name == synonyms[0]:
        return 2
    if name in said:
        return 3
    return 4 + synonyms.index(name) if name in synonyms else 0


def _refused(why: str) -> InvalidInput:
    return InvalidInput(Fault("", why))
