"""A real SMTP server on 127.0.0.1 whose behaviour a test decides, and what it took."""

import asyncio
import email
import email.policy
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

logging.getLogger("mail.log").setLevel(logging.WARNING)  # it tells every address, which the service's own log must not

DROP, HANG = "drop", "hang"
"""Instead of an answer: end the connection, or never answer."""


@dataclass
class MailServer:
    """What came in, and how the server answers.

    raw: what it took, in order; mails: the same, taken apart. on_sender, on_data: an answer of its own, DROP or HANG.
    on_recipient: the same by address. connections: how often it was connected to.
    """

    port: int
    recipients: list[str] = field(default_factory=list)
    on_sender: str | None = None
    on_recipient: dict[str, str] = field(default_factory=dict)
    on_data: str | None = None
    during_data: Callable[[], None] = lambda: None
    connections: int = 0
    raw: list[bytes] = field(default_factory=list)
    _mails: list[EmailMessage] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """Taken apart when somebody asks, for that takes longer than all the rest."""
        for content in self.raw[len(self._mails) :]:
            self._mails.append(email.message_from_bytes(content, policy=email.policy.default))
        return self._mails

    @property
    def url(self) -> str:
        """As the setting names it."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse the sender."""
        refused = await _misbehave(server, self.on_sender)
        envelope.mail_from = address
        return refused or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        refused = await _misbehave(server, self.on_recipient.get(address))
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take the mail, whatever is answered then: that is what makes it doubtful."""
        self.during_data()
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.recipients += envelope.rcpt_tos
        return await _misbehave(server, self.on_data) or "250 OK"


async def _misbehave(server: SMTP, how: str | None) -> str | None:
    if how == DROP:
        transport: Any = server.transport
        transport.abort()
    elif how == HANG:
        await asyncio.sleep(3600)
    return how


@contextmanager
def running() -> Iterator[MailServer]:
    """A server for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = MailServer(port)
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop(no_assert=True)
