"""`python -m bench.pages [--parties 50000]`: list pages of the console against the JSON of the same list.

Both from the same process, in an organization of 20 assignments a party. A page also counts what matches, up to 10,000,
finds the names for its filters, and draws itself. Writes `bench/PAGES.md`.
"""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx2
import psycopg
from rich.console import Console

from api.console.visits import cookie_name
from bench import conditions
from bench.conditions import Conditions
from bench.grown import SHIP, Grown, grow
from bench.report import NO_VERDICT, Table
from bench.running import System, running
from shared import access, clock
from shared.access import Identity, Permission
from shared.database import Database
from shared.services import sign_ins

PAGE = Path(__file__).with_name("PAGES.md")
ORG, AT_MOST, MOST_BYTES, TRIES = "bench-grown", 2.0, 30_000, 15
HEAD = ["page", "JSON", "page of 50", "ratio", "compressed", ""]

INTRODUCTION = """\
# What a page of the console costs

Written by `make bench`, in one run: the page and the JSON of the same list with 50 rows, from the same process over one
kept connection each, in turns; the fastest of 15 requests, because other work on the machine only makes a request
slower. A page also counts what matches, up to 10,000, and asks for the names in its filters. *Compressed*: its bytes as
sent. At most 2 times the JSON, and 30 kB.
"""


def queries(grown: Grown) -> list[tuple[str, str, str]]:
    """Return the address of each page, that of its JSON, and the query of both."""
    course = f"courseId={grown.ids['courseId']}"
    lists = {
        "assignments": ["", "sort=due", "state=assigned", "overdue=true", f"folderId={SHIP}", course],
        "licences": ["", "state=active", course],
        "parties": ["", "q=Party+12"],
        "courses": [""],
        "sessions": [""],
        "jobs": [""],
        "deliveries": [""],
    }
    return [(f"/{noun}", f"/v1/{noun}", query) for noun, each in lists.items() for query in each]


def measure(parties: int) -> tuple[list[Sequence[str]], Conditions]:
    """Return the rows of the table, the dearest first, and the conditions."""
    load_before, rows = os.getloadavg()[0], list[tuple[float, Sequence[str]]]()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        grown = grow(connection, ORG, parties)
        found = conditions.look(system, connection, load_before)
        with _browser(system) as browser, _client(system) as client:
            for page, listed, query in queries(grown):
                took = {browser: list[float](), client: list[float]()}
                size = 0
                for _ in range(TRIES):
                    for asked, address in ((browser, f"{page}?{query}"), (client, f"{listed}?{query}&limit=50")):
                        begin = time.perf_counter()
                        with asked.stream("GET", address.replace("?&", "?")) as answer:
                            sent = sum(map(len, answer.iter_raw()))
                        took[asked].append(time.perf_counter() - begin)
                        if answer.status_code != 200:
                            raise RuntimeError(f"{address}: {answer.status_code}")
                        size = sent if asked is browser else size
                ours, floor = min(took[browser]), min(took[client])
                name = f"{page}?{query}".rstrip("?").replace(grown.ids["courseId"], "...")
                cells = [name, f"{floor * 1e3:.1f} ms", f"{ours * 1e3:.1f} ms", f"{ours / floor:.2f}", f"{size:,}"]
                rows.append((ours / floor, [*cells, _verdict(ours / floor, size, found)]))
        found.look_at_load()
    middle = median(ratio for ratio, _ in rows)
    return [["median", "", "", f"{middle:.2f}", "", ""], *(row for _, row in sorted(rows, reverse=True))], found


def _browser(system: System) -> httpx2.Client:
    now = clock.now()
    identity = Identity("https://login.example", "bench", "bench", frozenset(Permission), now)
    with Database(system.settings.need_database_url(), name="bench").transaction(ORG) as db:
        _, cookie = sign_ins.begin(db, identity, "bench", now)
    cookies = {cookie_name(system.settings): cookie}
    return httpx2.Client(base_url=system.api_url, cookies=cookies, timeout=120, headers={"Accept-Encoding": "gzip"})


def _client(system: System) -> httpx2.Client:
    token = access.issue(system.settings, org_id=ORG, member_id="bench", permissions=list(Permission))
    return httpx2.Client(base_url=system.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=120)


def _verdict(ratio: float, size: int, found: Conditions) -> str:
    if size > MOST_BYTES:
        return "too large"
    return NO_VERDICT if found.busy else "reached" if ratio <= AT_MOST else "missed"


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--parties", type=int, default=50_000, help="each has 20 assignments")
    rows, found = measure(parser.parse_args().parties)
    tables = [Table("Against the JSON", HEAD, rows), Table("Where and when", ["what", "it was"], found.rows())]
    for table in tables:
        table.show(Console())
    PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in tables)]), encoding="utf-8")


if __name__ == "__main__":
    main()
