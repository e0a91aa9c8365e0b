"""Having mails planned and sent, and reading them."""

import re
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import time_machine
from sqlalchemy import select

from shared import clock, deliveries
from shared.deliveries import Channel, Delivery
from tests.assignments.asking import assign, body
from tests.drain import Workshop
from tests.factories import Org
from tests.mail.server import MailServer

ADA = {"entityId": "ada", "displayName": "Ada Lindqvist", "email": "ada@crew.example"}
BOB = {"entityId": "bob", "displayName": "Bob Okafor", "email": "bob@crew.example", "memberId": "m-bob"}


@dataclass
class Correspondence:
    """What an organization tells its parties. post: the worker's end of the connections to the server."""

    org: Org
    workshop: Workshop
    server: MailServer
    post: Any

    def know(self, *parties: dict[str, Any]) -> None:
        """Put parties into the directory."""
        answer = self.org.client().put("/v1/parties", json={"parties": list(parties)})
        assert (answer.status_code, answer.json()["failed"]) == (200, 0), answer.text

    def assign(self, *parties: str, course: str | None = None, **fields: Any) -> dict[str, Any]:
        """Assign a course. Answers the job."""
        return assign(self.org, self.workshop, body(course or self.org.with_course(), *parties, **fields))

    def plan(self) -> None:
        """Plan what is to be told."""
        from worker import deliveries as sending

        with self.org.transaction() as db:
            while deliveries.plan(db, clock.now(), mailed=sending.mailed()):
                pass

    def send(self) -> None:
        """Send what is due."""
        from worker import mail

        mail.send([self.org.id])
        self.workshop.messages.clear()

    def tell(self) -> list[EmailMessage]:
        """Plan and send. Answers the mails that came in meanwhile."""
        before = len(self.server.mails)
        self.plan()
        self.send()
        return self.server.mails[before:]

    def tell_at(self, at: str) -> list[EmailMessage]:
        """The same at another instant."""
        with time_machine.travel(at, tick=False):
            return self.tell()

    def rows(self) -> list[Delivery]:
        """The mails' deliveries, in the order of their events."""
        with self.org.transaction() as db:
            of_mail = select(Delivery).where(Delivery.org_id == self.org.id, Delivery.channel == Channel.EMAIL)
            return list(db.scalars(of_mail.order_by(Delivery.sequence, Delivery.receiver)))

    def states(self) -> list[tuple[str, str, str | None]]:
        """What became of each: receiver, state, code."""
        return [(row.receiver, row.state, row.code) for row in self.rows()]


def plain(mail: EmailMessage) -> str:
    """The mail as a terminal shows it."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html(mail: EmailMessage) -> str:
    """The mail as a browser shows it."""
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def links(mail: EmailMessage) -> list[str]:
    """The addresses in its plain text."""
    return re.findall(r"https?://\S+", plain(mail))
