"""`python -m bench.lists [--parties 50000]`: what a page of a list costs with every filter and every pair of filters.

Against the page without a filter, in an organization of 20 assignments a party, and the CSV of all of them against COPY
of the same columns. Writes the tables of `bench/LISTS.md`; the text below them stays.
"""

import argparse
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx2
import psycopg
from rich.console import Console

from bench import conditions
from bench.conditions import Conditions
from bench.grown import EVERYBODY, REGION, SHIP, TODAY, Grown, grow
from bench.report import NO_VERDICT, Table
from bench.running import System, running
from shared import access
from shared.access import Permission

PAGE = Path(__file__).with_name("LISTS.md")
NOTES = "## What the figures say"
ORG, AT_MOST, TRIES, SHOWN = "bench-grown", 2.0, 5, 20

INTRODUCTION = """\
# What a page of a list costs

The tables are written by `make bench`, in one run: pages of 50 over one kept connection, the fastest of five requests,
because other work on the machine only makes a request slower. *Ratio*: against the same caller's page without a filter
and in the order of age. *Scope*: the folders of the caller's token. `bench/grown.py` says what makes these lists dear.
"""

WRITTEN = """
The first run was on a machine that did much other work, so it judges nothing; a run on a quiet machine is missing.
What was tried and dropped, with its figures, is in decision 0024.
"""

COPY = """COPY (SELECT a.id, a.course_id, v.title, v.code, a.course_version_id, v.label, 'party', a.party_id,
    (SELECT display_name FROM party WHERE org_id = a.org_id AND id = a.party_id), a.reason, a.due_on, a.state,
    a.due_on < current_date, a.assigned_by_type, a.assigned_by_id, a.assigned_at, a.job_id, a.completion_method,
    a.completed_by_type, a.completed_by_id, a.completed_at, a.occurred_on, a.completion_note, a.link_minted_by,
    a.closed_by_type, a.closed_by_id, a.closed_at, a.closure_reason, a.reassigned_to
    FROM assignment AS a LEFT JOIN course_version AS v ON v.org_id = a.org_id AND v.id = a.course_version_id
    WHERE a.org_id = 'bench-grown' ORDER BY a.id DESC) TO STDOUT (FORMAT csv)"""


def queries(grown: Grown) -> Iterator[str]:
    """Yields the query of each filter, in both orders, and of each pair of filters."""
    values = {
        "courseId": [grown.ids["courseId"]],
        "courseVersionId": [grown.ids["courseVersionId"]],
        "jobId": [grown.ids["jobId"]],
        "partyId": [grown.ids["partyId"]],
        "folderId": [SHIP, REGION, EVERYBODY],
        "state": ["assigned", "closed"],
        "overdue": ["true", "false"],
        "dueBefore": [str(TODAY - timedelta(700)), str(TODAY + timedelta(5))],
        "dueAfter": [str(TODAY + timedelta(200))],
    }
    each = [f"{name}={value}" for name, given in values.items() for value in given]
    yield from (f"{one}&sort={sort}" for one in each for sort in ("newest", "due"))
    for one, other in itertools.combinations(each, 2):
        if one.partition("=")[0] != other.partition("=")[0]:
            yield f"{one}&{other}"


def measure(parties: int) -> tuple[list[Sequence[str]], list[Sequence[str]], Conditions]:
    """Returns the rows of the table of pages, those of the table of CSV, and the conditions."""
    load_before, pages = os.getloadavg()[0], list[tuple[float, Sequence[str]]]()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        grown = grow(connection, ORG, parties)
        found = conditions.look(system, connection, load_before)
        for scope in (None, [SHIP], [REGION]):
            with _client(system, scope) as client:
                base = _page(client, "")
                for query in queries(grown) if scope is None else ("sort=due", "state=assigned", "overdue=true"):
                    took = _page(client, query)
                    ratio = took / base
                    verdict = _verdict(ratio, found)
                    row = [_named(query, grown), ", ".join(scope or ()), f"{base * 1000:.1f} ms"]
                    pages.append((ratio, [*row, f"{took * 1000:.1f} ms", f"{ratio:.1f}", verdict]))
        found.look_at_load()
        exports = [_export(system, connection, found)]
    reached, middle = sum(ratio <= AT_MOST for ratio, _ in pages), median(ratio for ratio, _ in pages)
    summary = [f"all {len(pages)} lists", "", "", "", f"median {middle:.2f}", f"{reached} reached"]
    return [summary, *(row for _, row in sorted(pages, reverse=True)[:SHOWN])], exports, found


def _client(system: System, scope: list[str] | None) -> httpx2.Client:
    token = access.issue(system.settings, org_id=ORG, member_id="bench", permissions=list(Permission), folders=scope)
    return httpx2.Client(base_url=system.api_url, headers={"Authorization": f"Bearer {token}"}, timeout=120)


def _page(client: httpx2.Client, query: str) -> float:
    """Returns the seconds of the fastest request. A list that takes long is asked for once."""
    took = list[float]()
    while len(took) < TRIES and (not took or took[0] < 0.5):
        begin = time.perf_counter()
        client.get(f"/v1/assignments?{query}").raise_for_status()
        took.append(time.perf_counter() - begin)
    return min(took)


def _verdict(ratio: float, found: Conditions) -> str:
    return NO_VERDICT if found.busy else "reached" if ratio <= AT_MOST else "missed"


def _export(system: System, connection: psycopg.Connection[tuple[object, ...]], found: Conditions) -> Sequence[str]:
    begin = time.perf_counter()
    with connection.cursor().copy(COPY) as copy:
        rows = sum(1 for _ in copy)
    floor, begin = time.perf_counter() - begin, time.perf_counter()
    first = size = 0.0
    with (
        _client(system, None) as client,
        client.stream("GET", "/v1/assignments", headers={"Accept": "text/csv"}) as out,
    ):
        for part in out.iter_raw():
            first = first or time.perf_counter() - begin
            size += len(part)
    took = time.perf_counter() - begin
    shown = [f"{rows:,}", f"{size / 2**20:.0f} MB", f"{first * 1000:.0f} ms", f"{floor:.1f} s", f"{took:.1f} s"]
    return [*shown, f"{took / floor:.2f}", _verdict(took / floor, found)]


def _named(query: str, grown: Grown) -> str:
    for name, value in grown.ids.items():
        query = query.replace(f"{name}={value}", name)
    return query


HEAD = ["list", "scope", "without a filter", "time", "ratio", ""]
CSV_HEAD = ["assignments", "size", "first byte", "COPY", "time", "ratio", ""]


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--parties", type=int, default=50_000, help="each has 20 assignments")
    pages, exports, found = measure(parser.parse_args().parties)
    tables = [
        Table("The dearest pages", HEAD, pages),
        Table("CSV", CSV_HEAD, exports),
        Table("Where and when", ["what", "it was"], found.rows()),
    ]
    for table in tables:
        table.show(Console())
    notes = PAGE.read_text().partition(NOTES)[2] if PAGE.exists() else WRITTEN
    PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in tables), NOTES + notes]))


if __name__ == "__main__":
    main()
