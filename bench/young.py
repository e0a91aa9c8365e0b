"""`python -m bench.young [--size 20000]`: what lists and bulk work cost before PostgreSQL has statistics of a customer.

Writes `bench/YOUNG.md`. The rows read are counted by `tests/test_young.py`; this page has the times.
"""

import argparse
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from rich.console import Console

from bench import conditions
from bench.ground import FOLDER, REASON, Connection, Ground, lay_out
from bench.report import NO_VERDICT, Table, readable
from bench.rollcall import Coordinator
from bench.running import running
from bench.waiting import rest, until

PAGE = Path(__file__).with_name("YOUNG.md")
SIZE, TIMES = 20_000, 9
LIST_RATIO, BULK_RATIO = 2.0, 1.3
"""Upper bounds of the time of a list and of a bulk job, in their time after ANALYZE."""

LEAST_SECONDS = 0.01
"""A list that answers within 10 ms is not judged: its time is that of the request, not of the plan."""

INTRODUCTION = """\
# Young data

PostgreSQL plans by statistics, which autovacuum brings up to date about once a minute. A new organization has none.
Written by `python -m bench.young`, as `rollcall up` runs the system, with autovacuum off. An organization gets {size:,}
parties and one job of every kind. *Young*: nothing but Rollcall itself has run ANALYZE. *Known*: the same after ANALYZE
of the whole database. *Without*: all statistics of the lists' tables were removed.
"""


@dataclass
class Customer:
    """One organization, which a coordinator fills. ids: ids of what was made last, by the name of a filter."""

    coordinator: Coordinator
    connection: Connection
    ground: Ground
    ids: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, expected: int = HTTPStatus.ACCEPTED, **asked: Any) -> Any:
        """Send a POST. Returns the answer."""
        return self.coordinator.call("POST", path, json.dumps(asked).encode(), expected)

    def run(self, path: str, **asked: Any) -> str:
        """Submit a job and wait for its end. Returns its id. Raises RuntimeError if a recipient failed."""
        job_id = str(self.post(path, **asked)["id"])

        def ended() -> bool:
            row = self.connection.execute(
                "SELECT state, failed, error FROM job WHERE org_id = %s AND id = %s", (self.ground.org_id, job_id)
            ).fetchone()
            if row is not None and (row[1] or row[0] in ("failed", "cancelled")):
                raise RuntimeError(f"{path} ended {row}")
            return row is not None and row[0] == "succeeded"

        until(ended, time.perf_counter())
        return job_id


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.young", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="number of parties; another than the default: no page")
    given = parser.parse_args()
    console, load = Console(), os.getloadavg()[0]
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        found = conditions.look(system, connection, load)
        ground = lay_out(connection, given.size)
        customer = Customer(Coordinator(system, ground.org_id), connection, ground)
        tables = list(measure(customer, found))
    tables.append(Table("Where and when", ("what", "it was"), found.rows()))
    for table in tables:
        table.show(console)
    if given.size == SIZE:
        text = "\n\n".join([INTRODUCTION.format(size=given.size), *(table.markdown() for table in tables)])
        PAGE.write_text(text + "\n")
        console.print(f"Written to {PAGE}.")


def measure(customer: Customer, found: conditions.Conditions) -> Iterator[Table]:
    """Yields the tables of the bulk jobs and of the lists."""
    young_jobs = bulk(customer)
    found.look_at_load()
    paths = lists(customer)
    rest(customer.connection, customer.ground.org_id)  # so that no list is timed beside their work
    young = answers(customer, paths)
    forget(customer.connection)
    without = answers(customer, paths)
    customer.connection.execute("ANALYZE")
    known = answers(customer, paths)
    found.look_at_load()
    known_jobs = bulk(customer)
    found.look_at_load()
    head = ("", "young", "known", "ratio", "at most", "")
    yield Table("Bulk jobs", head, [_row(what, young_jobs[what], known_jobs[what], found) for what in young_jobs])
    yield Table(
        "Lists",
        ("", "young", "without", "known", "young ratio", "without ratio", "at most", ""),
        [_list_row(path, young[path], without[path], known[path], found) for path in paths],
    )


def bulk(customer: Customer) -> dict[str, float]:
    """Run a job of each kind over all parties, with a course of their own. Returns the seconds of each."""
    course, other = (_course(customer) for _ in range(2))
    folder = {"folderIds": [FOLDER]}
    of_course = {"filter": {"courseId": course}}
    session = _session(customer, course)
    jobs: dict[str, str] = {}
    steps: dict[str, Callable[[], str]] = {
        "assign": lambda: customer.run("/v1/assignments", courseId=course, reason=REASON, **folder),
        "complete": lambda: customer.run("/v1/assignments/complete", courseId=course, **folder),
        "undo completions": lambda: customer.run(f"/v1/jobs/{jobs['complete']}/undo"),
        "change": lambda: customer.run(
            "/v1/assignments/change", **of_course, set={"dueOn": "2099-06-30"}, why="Postponed"
        ),
        "remind": lambda: customer.run("/v1/assignments/remind", **of_course),
        "close": lambda: customer.run("/v1/assignments/close", **of_course, reason="Cancelled"),
        "undo closing": lambda: customer.run(f"/v1/jobs/{jobs['close']}/undo"),
        "complete a session": lambda: customer.run(f"/v1/sessions/{session}/complete"),
        "reopen": lambda: customer.run(
            "/v1/assignments/reopen", filter={"courseId": course, "state": "completed"}, reason="The wrong list"
        ),
        "move to another course": lambda: customer.run(
            "/v1/assignments/change", **of_course, set={"courseId": other}, why="Merged"
        ),
    }
    taken = {}
    for what, step in steps.items():
        begin = time.perf_counter()
        jobs[what] = step()
        taken[what] = time.perf_counter() - begin
    customer.ids |= {
        "courseId": course,
        "folderId": FOLDER,
        "jobId": jobs["assign"],
        "partyId": customer.ground.parties[0],
        "sessionId": session,
    }
    return taken


def lists(customer: Customer) -> list[str]:
    """Returns the addresses of every list of the API, unfiltered and with each filter that takes an id or an order."""
    described = customer.coordinator.call("GET", "/openapi.json", None, HTTPStatus.OK)["paths"]
    placed = {"{job_id}": "jobId", "{session_id}": "sessionId", "{course_id}": "courseId"}
    found = []
    for path, operations in described.items():
        parameters = {one["name"]: one["schema"] for one in operations.get("get", {}).get("parameters", ())}
        if "limit" not in parameters or "/me/" in path:
            continue
        address = path
        for place, name in placed.items():
            address = address.replace(place, customer.ids[name])
        if "{" in address:
            continue
        found.append(address)
        found += [f"{address}?{name}={value}" for name, value in customer.ids.items() if name in parameters]
        found += [
            f"{address}?sort={sort}" for sort in ("newest", "due", "expiry") if sort in str(parameters.get("sort"))
        ]
    return found


def answers(customer: Customer, paths: Sequence[str]) -> dict[str, float]:
    """Returns the median seconds of each list."""
    found: dict[str, float] = {}
    for path in paths:
        taken = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            customer.coordinator.get(path)
            taken.append(time.perf_counter() - begin)
        found[path] = median(taken)
    return found


def forget(connection: Connection) -> None:
    """Remove the statistics of all tables."""
    connection.execute(
        """SELECT pg_clear_relation_stats('public', relname), (
               SELECT count(pg_clear_attribute_stats('public', relname, attname, false))
               FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped)
           FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"""
    )


def _course(customer: Customer) -> str:
    code = uuid.uuid4().hex[:12]
    course = customer.post(
        "/v1/courses", HTTPStatus.CREATED, title=f"Course {code}", code=code, mode="flex", licenceOn="completion"
    )["id"]
    version = customer.post(f"/v1/courses/{course}/versions", HTTPStatus.CREATED, label="v1")["id"]
    customer.post(f"/v1/courses/{course}/versions/{version}/publish", HTTPStatus.OK)
    return str(course)


def _session(customer: Customer, course: str) -> str:
    session = customer.post(
        "/v1/sessions",
        HTTPStatus.CREATED,
        courseId=course,
        mode="online",
        startsAt="2026-01-05T08:00:00Z",
        endsAt="2026-01-05T12:00:00Z",
        timeZone="UTC",
    )["id"]
    customer.post(f"/v1/sessions/{session}/roster", HTTPStatus.OK, folderIds=[FOLDER])
    return str(session)


def _row(what: str, young: float, known: float, found: conditions.Conditions) -> Sequence[str]:
    ratio = young / known
    verdict = "reached" if ratio <= BULK_RATIO else NO_VERDICT if found.busy else "missed"
    return what, readable(young), readable(known), f"{ratio:.2f}", f"{BULK_RATIO}", verdict


def _list_row(path: str, young: float, without: float, known: float, found: conditions.Conditions) -> Sequence[str]:
    ratio, worst = young / known, max(young, without)
    well = ratio <= LIST_RATIO or worst < LEAST_SECONDS
    return (
        path.partition("=")[0] if "-" in path.partition("=")[2] else path,
        *(readable(seconds) for seconds in (young, without, known)),
        f"{ratio:.2f}",
        f"{without / known:.2f}",
        f"{LIST_RATIO:g}",
        "reached" if well else NO_VERDICT if found.busy else "missed",
    )


if __name__ == "__main__":
    main()
