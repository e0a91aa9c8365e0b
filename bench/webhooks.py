"""`python -m bench.webhooks [--webhooks 2000] [--rounds 5]`: calling due webhooks until their rows are settled.

Writes `bench/WEBHOOKS.md`.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded

PAGE = Path(__file__).with_name("WEBHOOKS.md")
TARGET = 1 / 0.7

INTRODUCTION = """\
# What webhooks cost

Written by `make bench`. Times are medians; the ratio is that of the medians, with the lowest and the highest round in
brackets. The floor is httpx2's client alone, which posts prebuilt bodies to the same receiver at the same concurrency;
1.43 times its time is 70 % of its rate. The receiver is a separate process on 127.0.0.1. Rollcall claims each delivery,
reads its event, signs it, calls the receiver and settles the row. The two take turns.
"""

SERVER = """
import asyncio, re
async def take(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            await reader.readexactly(int(re.search(rb"content-length: *([0-9]+)", head, re.I)[1]))
            writer.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()
async def main():
    server = await asyncio.start_server(take, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
BODY = b"x" * 400


def main() -> None:
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks", description=__doc__)
    parser.add_argument("--webhooks", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked, load = parser.parse_args(), os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as directory,
        subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server,
        embedded.running(Path(directory)) as at,
    ):
        assert server.stdout is not None
        try:
            bare, ours = _measure(
                at, f"http://127.0.0.1:{int(server.stdout.readline())}/", asked.webhooks, asked.rounds
            )
        finally:
            server.kill()
    found = contest("the bare HTTP client", asked.webhooks, bare, ours, TARGET, load)
    publish(found, PAGE, INTRODUCTION)


def _measure(at: embedded.Addresses, url: str, calls: int, rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds per round of the floor and of Rollcall, which take turns."""
    serve_here(at, ROLLCALL_WEBHOOKS_ALLOW_PRIVATE="true")
    from worker import app, webhooks

    app.open_parts(pool_size=app.SENDER_THREADS)
    bare, ours = [], []
    for n in range(rounds):
        bare.append(asyncio.run(_bare(url, calls, webhooks.EACH_AT_A_TIME)))
        ours.append(_rollcall(f"bench-{n}", url, calls))
    return bare, ours


async def _bare(url: str, calls: int, at_a_time: int) -> float:
    import httpx2

    async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=at_a_time)) as client:
        left = deque(range(calls))

        async def call() -> None:
            while left:
                left.popleft()
                await client.post(url, content=BODY)

        begin = time.perf_counter()
        await asyncio.gather(*(call() for _ in range(at_a_time)))
        return time.perf_counter() - begin


def _rollcall(org_id: str, url: str, calls: int) -> float:
    """Call all due webhooks. Returns the seconds. Prints a warning unless all rows are sent after one call."""
    from sqlalchemy import func, insert, select

    from bench.mail_ground import lay_out
    from shared import clock, deliveries
    from shared.deliveries import Delivery, Webhook
    from worker import app, webhooks

    lay_out(org_id, calls)
    now = clock.now()
    row = {"org_id": org_id, "url": url, "types": [], "after": 0, "secret": "whsec_" + "A" * 44}
    with app.parts.database.transaction(org_id) as db:
        db.execute(insert(Webhook).values(row | {"created_by": "bench", "created_at": now, "updated_at": now}))
        while deliveries.plan(db, now):
            pass
    begin, rounds = time.perf_counter(), 0
    while True:
        webhooks.send([org_id])
        rounds += 1
        with app.parts.database.transaction(org_id) as db:
            states = select(Delivery.state, func.count()).where(Delivery.org_id == org_id).group_by(Delivery.state)
            found = {row[0]: row[1] for row in db.execute(states)}
        if "queued" not in found:
            break
    seconds = time.perf_counter() - begin
    if found != {"sent": calls} or rounds > 1:
        print(f"{found} after {rounds} rounds")
    return seconds


if __name__ == "__main__":
    main()
