"""`python -m bench.uploads [--people 10000] [--rounds 5]`: the preview of a file that is sent to a page.

Writes `bench/UPLOADS.md`. The floor is the least that a script would do: read the file in its own process, trusting it,
and write the parties with one INSERT. The page keeps the file, checks every row with its place, compares all ids with
the directory, and shows what would happen; nothing is written to the directory yet.
"""

import argparse
import csv
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from fastapi.testclient import TestClient

from bench.ground import Connection
from bench.people import NAMES, insert, organization, workbook
from bench.people import by_hand as workbook_by_hand
from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded

PAGE = Path(__file__).with_name("UPLOADS.md")
TARGET = 3.0
BAD = 37

INTRODUCTION = """\
# What the preview of a file costs

Written by `make bench` on the embedded PostgreSQL. Times are medians; the ratio is that of the medians, with the lowest
and the highest round in brackets. *By hand*: the same file of twelve columns read in the same process, trusted, and one
INSERT of its good rows, committed. *Rollcall*: the form of a signed-in person with the file, until the page stands that
says what would happen and has an input in each wrong cell: two requests through the whole application. 37 rows of the
CSV file are wrong. Each round has an organization of its own, and the two take turns.
"""


def table_of(count: int) -> bytes:
    """Return a CSV file of people, as a spreadsheet in Germany saves it. The first rows have an id with a blank."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";")
    rows.writerow(NAMES)
    for n in range(count):
        who = f"p {n:06}" if n < BAD else f"p-{n:06}"
        rows.writerow([who, f"Zoë Ångström {n}", f"p{n}@crew.test", "yes", f"Crew {n % 20}", "Driller", *["1234"] * 6])
    return text.getvalue().encode("cp1252")


def table_by_hand(connection: Connection, org_id: str, body: bytes) -> float:
    """Read the file and insert the parties. Returns the seconds."""
    begin = time.perf_counter()
    read = csv.reader(io.StringIO(body.decode("cp1252")), delimiter=";")
    insert(connection, org_id, [row for row in read if " " not in row[0]])
    return time.perf_counter() - begin


def previewed(browser: TestClient, name: str, body: bytes, says: str) -> float:
    """Send the file and open the page with its preview. says: a text that the page must have. Returns the seconds."""
    begin = time.perf_counter()
    sent = browser.post("/import/people", files={"file": (name, body, "application/octet-stream")})
    if sent.status_code != 303:
        raise RuntimeError(sent.text)
    page = browser.get(sent.headers["Location"])
    if page.status_code != 200 or says not in page.text:
        raise RuntimeError(page.text)
    return time.perf_counter() - begin


def measure(connection: Connection, count: int, rounds: int) -> list[tuple[str, list[float], list[float]]]:
    """Return for each kind of file its name, and the seconds per round of the floor and of the page."""
    from api.app import create_app

    app = create_app()
    kinds: list[tuple[str, bytes, str, Callable[[Connection, str, bytes], float]]] = [
        ("CSV", table_of(count), f"{count - BAD:,}", table_by_hand),
        ("XLSX", workbook(count), f"{count:,}", workbook_by_hand),
    ]
    found = []
    for kind, body, says, floor in kinds:
        floors, ours = list[float](), list[float]()
        for number in range(rounds + 1):
            for side in ("floor", "page") if number % 2 else ("page", "floor"):
                org_id = organization(connection, f"{kind.lower()}-{number}-{side}")
                if side == "page":
                    took = previewed(_visitor(app, org_id), f"people.{kind.lower()}", body, says)
                else:
                    took = floor(connection, org_id, body)
                if number:
                    (ours if side == "page" else floors).append(took)
        found.append((kind, floors, ours))
    return found


def _visitor(app: object, org_id: str) -> TestClient:
    """Return a browser in which a person who may write the directory is signed in."""
    from api.console.visits import cookie_name
    from shared import clock, settings
    from shared.access import Identity, Permission
    from shared.database import Database
    from shared.services import sign_ins

    now = clock.now()
    may = frozenset({Permission.SYNC_DIRECTORY, Permission.VIEW})
    identity = Identity("https://login.example", "bench", "bench", may, now)
    with Database(settings.current().need_database_url(), name="bench").transaction(org_id) as db:
        _, cookie = sign_ins.begin(db, identity, "bench", now)
    browser = TestClient(app, follow_redirects=False)  # type: ignore[arg-type]
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    browser.cookies.set(cookie_name(settings.current()), cookie)
    return browser


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given, load = parser.parse_args(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, embedded.running(Path(folder)) as at:
        serve_here(at, ROLLCALL_LOG_LEVEL="warning")
        with psycopg.connect(at.superuser_database_url, autocommit=True) as connection:
            found = measure(connection, given.people, given.rounds)
    csv_table, xlsx_table = (
        contest(f"reading and inserting a {kind} file", given.people, floors, ours, TARGET, load)
        for kind, floors, ours in found
    )
    publish(csv_table, PAGE, INTRODUCTION, xlsx_table)


if __name__ == "__main__":
    main()
