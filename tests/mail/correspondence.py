"""Steps of the tests of mails: add parties, assign, plan, send, and read the mails."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import time_machine
from sqlalchemy import select

from shared import clock, deliveries, deployment
from shared.deliveries import Channel, Delivery
from tests.assignments.asking import assign, body
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.mail.server import MailServer

ADA = {"entityId": "ada", "displayName": "Ada Lindqvist", "email": "ada@crew.example"}
BOB = {"entityId": "bob", "displayName": "Bob Okafor", "email": "bob@crew.example", "memberId": "m-bob"}


def switch_mail(org: Org, on: bool) -> None:
    """Switch mail on or off, for the whole deployment."""
    with org.parts.database.transaction(None) as db:
        deployment.switch_mail(db, on, clock.now())


@dataclass
class Correspondence:
    """The mails of an organization to its parties. post: the sender's connections to the server."""

    org: Org
    worker: InProcessWorker
    server: MailServer
    post: Any

    def add_parties(self, *parties: dict[str, Any]) -> None:
        """Put parties into the directory."""
        answer = self.org.client().put("/v1/parties", json={"parties": list(parties)})
        assert (answer.status_code, answer.json()["failed"]) == (200, 0), answer.text

    def assign(self, *parties: str, course: str | None = None, **fields: Any) -> dict[str, Any]:
        """Assign a course. Returns the job."""
        return assign(self.org, self.worker, body(course or self.org.with_course(), *parties, **fields))

    def plan(self) -> None:
        """Plan the new events."""
        from worker import deliveries as sending

        with self.org.transaction() as db:
            while deliveries.plan(db, clock.now(), mailed=sending.mailed(db)):
                pass

    def send(self) -> None:
        """Send the due mails."""
        from worker import mail

        mail.send([self.org.id])
        self.worker.messages.clear()

    def deliver(self) -> list[EmailMessage]:
        """Plan and send. Returns the mails that the server accepted meanwhile."""
        before = len(self.server.mails)
        self.plan()
        self.send()
        return self.server.mails[before:]

    def deliver_at(self, at: str) -> list[EmailMessage]:
        """The same as `deliver`, at another instant."""
        with time_machine.travel(at, tick=False):
            return self.deliver()

    def rows(self) -> list[Delivery]:
        """The deliveries by mail, in the order of their events."""
        with self.org.transaction() as db:
            of_mail = select(Delivery).where(Delivery.org_id == self.org.id, Delivery.channel == Channel.EMAIL)
            return list(db.scalars(of_mail.order_by(Delivery.sequence, Delivery.receiver)))

    def states(self) -> list[tuple[str, str, str | None]]:
        """Receiver, state and code of each delivery by mail."""
        return [(row.receiver, row.state, row.code) for row in self.rows()]


def plain(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html(mail: EmailMessage) -> str:
    """The HTML of a mail."""
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def links(mail: EmailMessage) -> list[str]:
    """The links in the plain text of a mail."""
    return re.findall(r"https?://\S+", plain(mail))
