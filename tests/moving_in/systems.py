"""The files of three kinds of system: one of people, and one of what they were trained in."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.sheets.books import Formula, book

COUNT = 60
FIRST = ("Jürgen", "Änne", "Zoë", "Bjørn", "Łucja", "René", "Grace", "Siân")
LAST = ("Groß", "Müller", "O'Neil", "Sæther", "van den Berg", "Wiśniewska", "Žukauskas", "Smith-Jones")
CREWS = ("Küche", "Drill Floor", "Deck")


@dataclass(frozen=True)
class Person:
    """A person as the exporting system knows it."""

    number: str
    name: str
    email: str
    active: bool
    crew: str
    trained_on: date


@dataclass(frozen=True)
class System:
    """A system. people, history: its files. maps: what somebody has to say of their columns, once."""

    name: str
    extension: str
    media_type: str
    people: Callable[[], bytes]
    history: Callable[[], bytes]
    maps_of_people: Sequence[str] = ()
    maps_of_history: Sequence[str] = ()


def people(letters: str) -> list[Person]:
    """Sixty people. letters: the encoding that must have the letters of their names."""
    found = []
    for n in range(COUNT):
        name = f"{FIRST[n % len(FIRST)]} {LAST[n // len(FIRST) % len(LAST)]}".encode(letters, "ignore").decode(letters)
        day = date(2025, 1, 1) + timedelta(days=5 * n)
        found.append(Person(f"E{n:04}", name, f"e{n}@crew.test", n % 7 != 0, CREWS[n % 3], day))
    return found


def written(rows: Sequence[Sequence[Any]], separator: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def german_people() -> bytes:
    header = ["Personalnummer", "Anzeigename", "E-Mail", "Aktiv", "Ordner", "", ""]
    rows = [[p.number, p.name, p.email, "WAHR" if p.active else "FALSCH", p.crew, "", ""] for p in people("cp1252")]
    return written([header, *rows, [""] * 7], ";").encode("cp1252")


def german_history() -> bytes:
    header = ["Personalnr", "Kurs", "Abgeschlossen am", "Gültig bis", "Aussteller", "Nummer", "Bemerkung"]
    rows = [
        [p.number, "H2S-01", f"{p.trained_on:%d.%m.%Y}", "31.12.2031", "TÜV Süd", f"Z-{n}"]  # a short row
        for n, p in enumerate(people("cp1252"))
    ]
    return written([header, *rows], ";").encode("cp1252")


def hr_people() -> bytes:
    others = [f"Cost centre {n}" for n in range(35)]
    header = ["Department", "Employee ID", *others, "Work E-mail", "Employee Name", "Is active"]
    rows = [
        [p.crew, p.number, *[f"{n}" for n in range(35)], p.email, p.name, "Y" if p.active else "N"]
        for p in people("utf-8")
    ]
    assert len(header) == 40
    return ("\ufeff" + written([header, *rows], ",")).encode()


def hr_history() -> bytes:
    others = [f"Attribute {n}" for n in range(35)]
    header = ["Employee ID", "Course code", *others, "Completion Date", "Expiry Date", "Certificate No"]
    rows = [
        [p.number, "H2S-01", *["x"] * 35, f"{p.trained_on:%m/%d/%Y}", "12/31/2031", f"C-{n}"]
        for n, p in enumerate(people("utf-8"))
    ]
    assert len(header) == 40
    return ("\ufeff" + written([header, *rows], ",")).encode()


def office_people() -> bytes:
    above = ["Person", "", "", "Work", "", "Line manager"]
    header = ["No.", "Full name", "E-mail", "Team", "Active", "No."]
    known = people("utf-8")
    rows: list[list[Any]] = [[p.number, p.name, p.email, p.crew, p.active, "E0001"] for p in known]
    rows[3][1] = Formula('"A"&"B"', known[3].name)
    title = [["People of the yard, as of 27 November 2026"], []]
    return book([*title, above, header, *rows], ["A3:C3", "D3:E3"], Legend=[["Team", "Where"], ["Deck", "outside"]])


def office_history() -> bytes:
    above = ["Person", "", "Training", "", "", "Certificate"]
    header = ["Employee No.", "Name", "Code", "Date", "Valid until", "No."]
    rows: list[list[Any]] = []
    for n, p in enumerate(people("utf-8")):
        day: Any = p.trained_on if n % 2 else (p.trained_on - date(1899, 12, 30)).days  # formatted, or a bare number
        rows.append([p.number, p.name, "H2S-01", day, date(2031, 12, 31), f"Q-{n}"])
    return book([above, header, *rows], ["A1:B1", "C1:E1"])


CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SYSTEMS = (
    System("german-excel", ".csv", CSV, german_people, german_history),
    System("hr-export", ".csv", CSV, hr_people, hr_history, ("Department=folders",)),
    System(
        "two-header-lines",
        ".xlsx",
        XLSX,
        office_people,
        office_history,
        ("Person No.=entityId", "Work Team=folders"),
        ("Training Code=courseCode", "Certificate No.=number"),
    ),
)
