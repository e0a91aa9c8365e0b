"""`python -m bench.mail [--mails 2000] [--rounds 3]`: mails from due deliveries to settled rows, against smtplib alone.

Both hand the same mails to the same SMTP server, a process of its own on 127.0.0.1, in turns. The floor is one kept
connection and bytes that were made before. Rollcall claims, looks up, writes, hands in and settles each.
"""

import argparse
import os
import secrets
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cli import embedded
from shared import settings

SERVER = """
import sys
from aiosmtpd.controller import Controller
class Take:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
controller = Controller(Take(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
print("ready", flush=True)
sys.stdin.read()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server,
        embedded.running(Path(directory)) as at,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdout.readline()
        _measure(at, port, asked.mails, asked.rounds)
        server.stdin.close()


def _measure(at: embedded.Addresses, port: int, mails: int, rounds: int) -> None:
    import migrations
    from shared.settings import TRAINING

    migrations.upgrade(at.owner_database_url, frozenset({TRAINING}))
    os.environ |= {
        "ROLLCALL_DATABASE_URL": at.database_url,
        "ROLLCALL_REDIS_URL": at.redis_url,
        "ROLLCALL_JWT_SECRET": secrets.token_urlsafe(32),
        "ROLLCALL_SMTP_URL": f"smtp://127.0.0.1:{port}",
        "ROLLCALL_MAILS_A_DAY": "1000000",
    }
    settings.current.cache_clear()
    bare, ours = [], []
    for n in range(rounds):
        contents, seconds = _rollcall(f"bench-{n}", mails)
        ours.append(seconds)
        bare.append(_bare(port, contents))
        print(f"bare {mails / bare[-1]:.0f}/s, Rollcall {mails / ours[-1]:.0f}/s, {bare[-1] / ours[-1]:.0%}")
    print(f"median: {median(bare) / median(ours):.0%} of one bare connection")


def _bare(port: int, contents: list[bytes]) -> float:
    begin = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for content in contents:
            connection.sendmail("rollcall@localhost", ["p@crew.example"], content)
    return time.perf_counter() - begin


def _rollcall(org_id: str, mails: int) -> tuple[list[bytes], float]:
    """Seconds for everything that is due, and what was sent, for the floor."""
    from sqlalchemy import func, select

    from bench.mail_ground import lay_out
    from shared import clock, deliveries
    from shared.deliveries import Delivery, Envelope
    from worker import app, mail, notices

    app.open_workshop()
    lay_out(org_id, mails)
    with app.workshop.database.transaction(org_id) as db:
        while deliveries.plan(db, clock.now(), mailed=notices.MAILED):
            pass
    contents: list[bytes] = []
    post = mail.post.open()
    assert post is not None
    hand_in = post.hand_in

    def noted(envelope: Envelope) -> int:
        contents.append(envelope.content)
        return hand_in(envelope)

    post.hand_in = noted  # type: ignore[method-assign]
    begin = time.perf_counter()
    while True:
        mail.send([org_id])
        with app.workshop.database.transaction(org_id) as db:
            of_org = Delivery.org_id == org_id
            left = db.scalar(select(func.count()).where(of_org, Delivery.state == "queued"))
        if not left:
            break
    seconds = time.perf_counter() - begin
    post.hand_in = hand_in  # type: ignore[method-assign]
    assert len(contents) == mails
    return contents, seconds


if __name__ == "__main__":
    main()
