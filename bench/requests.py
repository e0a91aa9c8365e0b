"""`python -m bench.requests [--rounds 7] [--seconds 2]`: what a request costs, against the same by hand (`by_hand`).

Writes the tables of `bench/REQUESTS.md`; the text below them stays.
"""

import argparse
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import psutil
import psycopg
from rich.console import Console

from bench import conditions, posting
from bench.conditions import Conditions
from bench.ground import ACTOR, Connection, Ground, lane, lay_out
from bench.pacing import is_whole, paced
from bench.report import Table, readable
from bench.running import System, free_port, running
from cli.processes import end, spawn
from cli.up import read_state
from shared import access
from shared.access import Permission
from shared.settings import Settings

Row = Sequence[str]
PAGE = Path(__file__).with_name("REQUESTS.md")
CONNECTIONS, ASSIGNMENTS, PARTIES = 8, 2_000, 2_000
NOTES = "## Where the time goes"
"""The title of the page's written part."""

INTRODUCTION = """\
# What a request costs

The tables are written by `make bench`, in one run. *By hand* are bare Starlette routes in the same server (`by_hand`)
that verify the same token and ask the same rows by psycopg. Both sides have eight kept connections and take turns, in
the opposite order every other round. *Requests*: answers a second, of one process. *Processor*: user and system time
of that process for one request. *Share*: Rollcall's requests against those by hand, the median of the rounds; in
brackets the lowest and the highest.
"""


@dataclass
class Side:
    """One server. rates: requests a second by round. costs: seconds of the processor for a request."""

    url: str
    process: psutil.Process
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def run(self, requests: Sequence[bytes], seconds: float, *, counts: bool, status: bytes = b"200") -> None:
        """Send requests for so many seconds."""
        before = self._used()
        number, elapsed = load(self.url, requests, seconds, status)
        if counts:
            self.rates.append(number / elapsed)
            self.costs.append((self._used() - before) / number)

    def _used(self) -> float:
        times = self.process.cpu_times()
        return times.user + times.system


def load(url: str, requests: Sequence[bytes], seconds: float, status: bytes = b"200") -> tuple[int, float]:
    """Send requests over kept connections, each when the former one is answered. Returns their number and the time.

    Written by hand, because a client that parses what it gets takes as long as the server. Raises RuntimeError for an
    answer of another status.
    """
    parts = urlsplit(url)
    with selectors.DefaultSelector() as selector:
        connections = [socket.create_connection((parts.hostname, parts.port)) for _ in range(CONNECTIONS)]
        for n, one in enumerate(connections):
            selector.register(one, selectors.EVENT_READ, bytearray())
            one.sendall(requests[n % len(requests)])
        begin, number = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - begin) < seconds:
            for key, _ in selector.select(1):
                connection, got = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                got += connection.recv(1 << 16)
                if is_whole(got, status):
                    got.clear()
                    number += 1
                    connection.sendall(requests[number % len(requests)])
        for one in connections:
            one.close()
    return number, elapsed


@contextmanager
def by_hand(system: System) -> Iterator[Side]:
    """Run the routes written by hand."""
    port = free_port()
    process = spawn(
        [sys.executable, "-m", "bench.by_hand", str(port)],
        output=sys.stderr.fileno(),
        environment=system.environment,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not _answers(url):
            time.sleep(0.1)
        yield Side(url, psutil.Process(process.pid))
    finally:
        end(process, 15, 10)  # type: ignore[arg-type]


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def fill(connection: Connection, ground: Ground) -> None:
    """Assign one course to everybody, and license everybody for it."""
    one = lane(connection, ground)
    key = {"org": ground.org_id, "course": ground.course_id, "version": one.version_id, "parties": ground.parties}
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            """INSERT INTO assignment (org_id, course_id, course_version_id, party_id, reason, assigned_by_type,
                                       assigned_by_id, assigned_at, due_on)
               SELECT %(org)s, %(course)s, %(version)s, id, 'Bench', 'member', 'bench', now(), '2999-01-01'
               FROM unnest(%(parties)s::text[]) AS id""",
            key,
        )
        connection.execute(
            """INSERT INTO licence (org_id, party_id, course_id, course_version_id, session_id, granted_by_type,
                                    granted_by_id, granted_at, expires_at, months, rule)
               SELECT %(org)s, id, %(course)s, %(version)s, %(version)s, 'member', 'bench', now(),
                   now() + interval '300 days', 12, 'monthsFromGrant' FROM unnest(%(parties)s::text[]) AS id""",
            key,
        )
    connection.execute("VACUUM ANALYZE")


def requests_of(given: Settings, ground: Ground) -> dict[str, tuple[float, list[bytes]]]:
    """Returns what is measured by name: the share that is wanted, and requests that are sent in turn."""
    token = access.issue(given, org_id=ground.org_id, member_id=ACTOR, permissions=list(Permission))

    def get(path: str, *, signed: bool = True) -> bytes:
        signature = f"Authorization: Bearer {token}\r\n" if signed else ""
        return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{signature}\r\n".encode()

    checks = [f"/v1/licences/check?partyId={party}&courseId={ground.course_id}" for party in ground.parties[:500]]
    return {
        "/health/live": (0.60, [get("/health/live", signed=False)]),
        "GET /v1/limits": (0.60, [get("/v1/limits")]),
        "GET /v1/me": (0.60, [get("/v1/me")]),
        "GET /v1/licences/check": (0.95, [get(path) for path in checks]),
        "50 assignments of 2,000": (0.50, [get("/v1/assignments")]),
    }


def measure(rounds: int, seconds: float, only: str) -> tuple[list[list[Row]], Conditions]:
    """Returns the rows of the three tables."""
    load_before, rows, paces, posts = os.getloadavg()[0], list[Row](), list[Row](), list[Row]()
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        ground = lay_out(connection, PARTIES)
        fill(connection, ground)
        found = conditions.look(system, connection, load_before)
        state = read_state(system.data_dir)
        assert state is not None
        api = psutil.Process(next(process.pid for process in state.processes if process.name == "api"))
        with by_hand(system) as other:
            for name, (goal, requests) in requests_of(system.settings, ground).items():
                if only not in name:
                    continue
                sides = Side(system.api_url, api), Side(other.url, other.process)
                for n in range(rounds + 1):
                    for side in sides if n % 2 else sides[::-1]:
                        side.run(requests, seconds, counts=n > 0)
                found.look_at_load()
                rows.append(_row(name, *sides, goal, found.busy))
                print(*rows[-1], sep="\t", flush=True)
                if name == PACED:
                    paces.append(_latency("Rollcall", sides[0], requests, rounds, seconds))
                    paces.append(_latency("by hand", sides[1], requests, rounds, seconds))
            if only in POSTED:
                other_ground = lay_out(connection, PARTIES, "bench-posting")
                posts.append(posting.posted(system, connection, other_ground, other.url, POSTS))
    return [rows, paces, posts], found


POSTED, POSTS = "POST /v1/assignments", 15


PACED, SATURATION, MOST_P99 = "GET /v1/licences/check", 0.7, 4.0


def _latency(name: str, side: Side, requests: list[bytes], rounds: int, seconds: float) -> Sequence[str]:
    """Returns the row of one side: its latency at a part of its own rate of saturation, the median of the rounds."""
    rate = SATURATION * median(side.rates)
    found = [paced(side.url, requests, rate, seconds, CONNECTIONS) for _ in range(rounds)]
    ratio = median(one.p99 / one.median for one in found)
    verdict = "reached" if ratio <= MOST_P99 else "missed"
    times = [readable(median(one.median for one in found)), readable(median(one.p99 for one in found))]
    return [name, f"{rate:,.0f}", *times, f"{ratio:.1f}", f"{MOST_P99:.0f}", verdict]


def _row(name: str, ours: Side, other: Side, goal: float, busy: bool) -> Sequence[str]:
    shares = [one / by for one, by in zip(ours.rates, other.rates, strict=True)]
    cost, at_least = median(ours.costs), median(other.costs)
    verdict = "too busy to tell" if busy else "reached" if median(shares) >= goal else "missed"
    return [
        name,
        f"{median(ours.rates):,.0f}",
        f"{median(other.rates):,.0f}",
        f"{median(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})",
        f"{goal:.0%}",
        f"{cost * 1e6:,.0f} us",
        f"{at_least * 1e6:,.0f} us",
        f"{at_least / cost:.0%}",
        verdict,
    ]


LATENCY = ["licence check", "a second", "median", "99 of 100", "times", "at most", ""]
HEAD = ["request", "Rollcall, a second", "by hand", "share", "wanted", "processor, Rollcall", "by hand", "share", ""]


def main() -> None:
    """Measure, print the tables and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side")
    parser.add_argument("--seconds", type=float, default=2.0, help="the time of one turn")
    parser.add_argument("--only", default="", help="a part of the name of what is measured; writes no page")
    given = parser.parse_args()
    (rows, paces, posts), found = measure(given.rounds, given.seconds, given.only)
    tables = [
        Table("Against the same by hand", HEAD, rows),
        Table("Latency at 70 % of the rate above", LATENCY, paces),
        Table("POST of 2,000 recipients", posting.HEAD, posts),
        Table("Where and when", ["what", "it was"], found.rows()),
    ]
    for table in tables:
        table.show(Console())
    if not given.only:
        notes = PAGE.read_text().partition(NOTES)[2] if PAGE.exists() else "\n"
        PAGE.write_text("\n".join([INTRODUCTION, *(table.markdown() + "\n" for table in tables), NOTES + notes]))


if __name__ == "__main__":
    main()
