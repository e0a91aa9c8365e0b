"""`python -m bench.sharing [--waits 1000]`: what one organization costs another that uses the same API process.

Writes `bench/SHARING.md`.
"""

import argparse
import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg.types.json import Jsonb

from bench.conditions import too_busy
from bench.ground import ACTOR, Connection, Ground, lane, lay_out
from bench.report import Table, compared, publish, readable
from bench.rollcall import Coordinator
from bench.running import System, running
from cli.up import read_state
from shared import access
from shared.access import Permission

PAGE = Path(__file__).with_name("SHARING.md")
ME, LIVE, MOST_THREADS, MOST_CONNECTIONS = 2.0, 3.0, 8, 8
"""Upper bounds: of the ratios to the medians alone, and of threads and connections of the process that come on top."""
JOBS, PREVIEWING, RECIPIENTS = 400, 6, 50_000
LONGEST_SECONDS, PAUSE_SECONDS, SETTLED = 6.0, 0.02, 0.05

INTRODUCTION = """\
# What one organization costs another

Written by `make bench` on `rollcall up` with one API process. One organization holds requests that wait, over 400 jobs
that wait for approval, or previews 50,000 recipients with six clients; another one sends `GET /v1/me` and `GET
/health/live`, at most fifty a second. Ratios are those of the medians to the medians without the first one, measured
just before. Threads and connections are those of the API process, on top of what it had.
"""

Samples = dict[str, list[float]]


class Neighbour:
    """The other organization, and the state of the API process."""

    def __init__(self, system: System, connection: Connection, org_id: str) -> None:
        state = read_state(system.data_dir)
        assert state is not None
        self._api = psutil.Process(next(process.pid for process in state.processes if process.name == "api"))
        self._system, self._org_id, self._connection = system, org_id, connection

    def samples(self) -> Samples:
        """Returns the seconds of each of some requests, which come at a steady rate over one kept connection."""
        found: Samples = {"/v1/me": [], "/health/live": []}
        caller, until = Coordinator(self._system, self._org_id), time.perf_counter() + LONGEST_SECONDS
        while time.perf_counter() < until:
            for path, seconds in found.items():
                begin = time.perf_counter()
                caller.get(path)
                seconds.append(time.perf_counter() - begin)
            time.sleep(PAUSE_SECONDS)
        return found

    def uses(self) -> tuple[int, int]:
        """Returns the threads of the API process, and its connections to the database."""
        row = self._connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rollcall api'"
        ).fetchone()
        assert row is not None
        return self._api.num_threads(), row[0]

    async def busy(self, seconds: float) -> float:
        """Returns how many processors the API process uses during so many seconds."""
        begin, before = time.perf_counter(), self._api.cpu_times()
        await asyncio.sleep(seconds)
        after = self._api.cpu_times()
        return (after.user + after.system - before.user - before.system) / (time.perf_counter() - begin)


@asynccontextmanager
async def held(system: System, paths: Sequence[str], org_id: str) -> AsyncIterator[None]:
    """Hold a request open for each path. Raises RuntimeError if one is answered before the end of the block."""
    token = access.issue(system.settings, org_id=org_id, member_id=ACTOR, permissions=list(Permission))
    at = urlsplit(system.api_url)
    opened = [await asyncio.open_connection(at.hostname, at.port) for _ in paths]
    for path, (_, writer) in zip(paths, opened, strict=True):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    await asyncio.sleep(2)
    yield
    for path, (reader, writer) in zip(paths, opened, strict=True):
        answer = b"" if path.endswith("/stream") else await _received(reader)
        if answer:
            raise RuntimeError(f"GET {path} was answered: {answer[:200]!r}")
        writer.close()


async def _received(reader: asyncio.StreamReader) -> bytes:
    """Returns what has arrived, without waiting for more."""
    try:
        return await asyncio.wait_for(reader.read(1000), 0.001)
    except TimeoutError:
        return b""


def waiting_jobs(connection: Connection, ground: Ground) -> list[str]:
    """Insert jobs that wait for approval. Returns their ids."""
    ids = [uuid.uuid4() for _ in range(JOBS)]
    connection.cursor().executemany(
        """INSERT INTO job (org_id, id, kind, state, total, request, submitted_by_type, submitted_by_id, submitted_at,
                            progressed_at)
           VALUES (%s, %s, 'assignments.create', 'awaiting_approval', 1, %s, 'member', 'bench', now(), now())""",
        [(ground.org_id, one, Jsonb({})) for one in ids],
    )
    return [str(one) for one in ids]


def while_waiting(
    system: System, neighbour: Neighbour, paths: Sequence[str], org_id: str
) -> tuple[Samples, tuple[int, int], float]:
    """Returns samples, what the process uses, and its processor time in a second, while these requests are held."""

    async def measure() -> tuple[Samples, tuple[int, int], float]:
        async with held(system, paths, org_id):
            for _ in range(6):  # until all have begun to wait
                busy = await neighbour.busy(1)
                if busy < SETTLED:
                    break
            return await asyncio.to_thread(neighbour.samples), neighbour.uses(), busy

    return asyncio.run(measure())


@contextmanager
def previewing(system: System, connection: Connection, ground: Ground) -> Iterator[list[float]]:
    """Let six clients preview all parties again and again. Yields the seconds that each preview took."""
    lane(connection, ground)
    recipients = [{"entityType": "party", "entityId": party} for party in ground.parties]
    body = json.dumps({"courseId": str(ground.course_id), "reason": "bench", "recipients": recipients}).encode()
    stop, took = Event(), list[float]()

    def preview() -> None:
        caller = Coordinator(system, ground.org_id)
        while not stop.is_set():
            begin = time.perf_counter()
            caller.call("POST", "/v1/assignments/preview", body, 200)
            took.append(time.perf_counter() - begin)

    clients = [Thread(target=preview) for _ in range(PREVIEWING)]
    for client in clients:
        client.start()
    time.sleep(2)
    try:
        yield took
    finally:
        stop.set()
        for client in clients:
            client.join()


def row(what: str, alone: Samples, beside: Samples, path: str, most: float, busy: bool) -> list[str]:
    """Returns a row of the table for one path."""
    before, after = median(alone[path]), median(beside[path])
    shown, measured, target, verdict = compared(what, after / before, most, busy)
    p95 = quantiles(beside[path], n=20)[-1]
    return [shown, f"GET {path}", readable(before), readable(after), readable(p95), measured, target, verdict]


def measure(system: System, connection: Connection, waits: int, busy: bool) -> list[list[str]]:
    """Returns the rows of the table."""
    crowd, other = lay_out(connection, RECIPIENTS), lay_out(connection, 50)
    neighbour, jobs = Neighbour(system, connection, other.org_id), waiting_jobs(connection, crowd)
    neighbour.samples()  # warms up
    rows: list[list[str]] = []
    kinds = {
        "jobs waited for": [f"/v1/jobs/{jobs[n % JOBS]}?wait=20" for n in range(waits)],
        "feeds waited for": ["/v1/events?wait=20&after=1000000" for _ in range(waits)],
        "streams of jobs": [f"/v1/jobs/{jobs[n % JOBS]}/stream" for n in range(waits)],
    }
    for kind, paths in kinds.items():
        alone, before = neighbour.samples(), neighbour.uses()
        beside, after, processor = while_waiting(system, neighbour, paths, crowd.org_id)
        what = f"{waits:,} {kind}"
        rows += [row(what, alone, beside, path, most, busy) for path, most in (("/v1/me", ME), ("/health/live", LIVE))]
        for name, n, most in (("threads", 0, MOST_THREADS), ("connections to the database", 1, MOST_CONNECTIONS)):
            more = after[n] - before[n]
            verdict = "reached" if more <= most else "missed"
            rows.append([what, name, str(before[n]), str(after[n]), "", f"{more:+}", f"+{most}", verdict])
        rows.append([what, "processors used by the API", "", f"{processor:.3f}", "", "", "", ""])
    alone = neighbour.samples()
    with previewing(system, connection, crowd) as took:
        beside = neighbour.samples()
    what = f"{PREVIEWING} clients that preview {RECIPIENTS:,}, {readable(median(took))} each"
    return rows + [
        row(what, alone, beside, path, most, busy) for path, most in (("/v1/me", ME), ("/health/live", LIVE))
    ]


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.sharing", description=__doc__)
    parser.add_argument("--waits", type=int, default=1000)
    given, load = parser.parse_args(), os.getloadavg()[0]
    with running() as system, psycopg.connect(system.superuser_url, autocommit=True) as connection:
        rows = measure(system, connection, given.waits, too_busy(load))
    head = ["beside", "what", "alone", "median", "95th percentile", "ratio", "at most", ""]
    publish(Table(f"Load before: {load:.1f}", head, rows), PAGE, INTRODUCTION)


if __name__ == "__main__":
    main()
