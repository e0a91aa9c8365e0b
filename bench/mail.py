"""`python -m bench.mail [--mails 2000] [--rounds 5]`: sending due mails until their rows are settled.

Writes `bench/MAIL.md`.
"""

import argparse
import os
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.report import contest, publish
from bench.running import serve_here
from cli import embedded

PAGE = Path(__file__).with_name("MAIL.md")
TARGET = 1 / 0.7

INTRODUCTION = """\
# What mails cost

Written by `make bench`. Times are medians; the ratio is that of the medians, with the lowest and the highest round in
brackets. The two take turns to send the same mails to the same SMTP server, which is a separate process on 127.0.0.1.
The floor is smtplib on one kept connection, with prebuilt bytes; 1.43 times its time is 70 % of its rate. Rollcall
claims each mail, checks that it is still needed, writes it, sends it over one of eight connections and settles its row.
"""

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
    """Measure, print the table and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.mail", description=__doc__)
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked, load = parser.parse_args(), os.getloadavg()[0]
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
        bare, ours = _measure(at, port, asked.mails, asked.rounds)
        server.stdin.close()
    found = contest("one bare SMTP connection", asked.mails, bare, ours, TARGET, load)
    publish(found, PAGE, INTRODUCTION)


def _measure(at: embedded.Addresses, port: int, mails: int, rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds per round of the floor and of Rollcall, which take turns."""
    serve_here(at, ROLLCALL_SMTP_URL=f"smtp://127.0.0.1:{port}", ROLLCALL_MAILS_A_DAY="1000000")
    bare, ours = [], []
    for n in range(rounds):
        contents, seconds = _rollcall(f"bench-{n}", mails)
        ours.append(seconds)
        bare.append(_bare(port, contents))
    return bare, ours


def _bare(port: int, contents: list[bytes]) -> float:
    begin = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for content in contents:
            connection.sendmail("rollcall@localhost", ["p@crew.example"], content)
    return time.perf_counter() - begin


def _rollcall(org_id: str, mails: int) -> tuple[list[bytes], float]:
    """Send all due mails. Returns the contents, which the floor sends too, and the seconds."""
    from sqlalchemy import func, select

    from bench.mail_ground import lay_out
    from shared import clock, deliveries, deployment
    from shared.deliveries import Delivery, Envelope
    from worker import app, mail, notices

    app.open_parts()
    lay_out(org_id, mails)
    with app.parts.database.transaction(org_id) as db:
        deployment.switch_mail(db, True, clock.now())
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
        with app.parts.database.transaction(org_id) as db:
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
