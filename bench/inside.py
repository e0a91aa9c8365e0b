"""`python -m bench.inside [--rounds 20] [--profile NAME]`: the processor time of the application for a request.

Without the server and the connection, and without PostgreSQL's time: only what this process does between taking a
request and giving its answer. Rollcall and the same written by hand (`by_hand`) run in this process, in turns. Other
work on the machine changes these figures less than those over HTTP (`requests`), and the cheapest turn least.
"""

import argparse
import cProfile
import pstats
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import uvloop
from rich.console import Console
from starlette.types import ASGIApp, Message

from bench.ground import lay_out
from bench.report import Table
from bench.requests import PARTIES, fill, requests_of
from bench.running import serve_here
from cli import embedded

HEAD = ["request", "Rollcall", "by hand", "share"]


async def call(app: ASGIApp, request: bytes) -> None:
    """Call an application with a request as the server does. Raises RuntimeError for an answer other than 200."""
    line, *headers = request.decode().strip().split("\r\n")
    path, _, query = line.split(" ")[1].partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (one.split(": ") for one in headers)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(message)

    await app(scope, receive, send)


async def cost(app: ASGIApp, requests: Sequence[bytes], seconds: float) -> float:
    """Return the seconds of the processor for one request."""
    number, begin, until = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < until:
        await call(app, requests[number % len(requests)])
        number += 1
    return (time.process_time() - begin) / number


async def measure(named: dict[str, tuple[float, list[bytes]]], given: argparse.Namespace) -> list[Sequence[str]]:
    """Return the rows of the table; with `--profile`, print a profile of each request."""
    from api.app import create_app
    from bench import by_hand

    ours, theirs = create_app(), by_hand.application()
    rows: list[Sequence[str]] = []
    for name, (_, requests) in named.items():
        costs: dict[ASGIApp, list[float]] = {ours: [], theirs: []}
        for n in range(given.rounds + 1):
            for app in (ours, theirs)[:: 1 if n % 2 else -1]:
                taken = await cost(app, requests, given.seconds)
                if n:
                    costs[app].append(taken)
        mine, other = (min(one) * 1e6 for one in costs.values())
        rows.append([name, f"{mine:,.0f} us", f"{other:,.0f} us", f"{other / mine:.0%}"])
        if given.profile:
            profile = cProfile.Profile(time.process_time)
            profile.enable()
            await cost(ours, requests, given.seconds)
            profile.disable()
            pstats.Stats(profile).sort_stats(given.sort).print_stats(60)
    return rows


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.inside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="turns of each side; the cheapest counts")
    parser.add_argument("--seconds", type=float, default=0.3, help="the time of one turn")
    parser.add_argument("--only", default="", help="a part of the name of what is measured")
    parser.add_argument("--profile", action="store_true", help="print a profile of each request too")
    parser.add_argument("--sort", default="cumulative", help="the order of the profile")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, embedded.running(Path(folder)) as at:
        serve_here(at, ROLLCALL_LOG_LEVEL="warning")
        from shared import settings

        with psycopg.connect(at.superuser_database_url, autocommit=True) as connection:
            ground = lay_out(connection, PARTIES)
            fill(connection, ground)
        named = requests_of(settings.current(), ground)
        only = {name: one for name, one in named.items() if given.only in name}
        rows = uvloop.run(measure(only, given))
    Table("Processor time of the application", HEAD, rows).show(Console())


if __name__ == "__main__":
    main()
