"""A real SMTP server on 127.0.0.1. A test decides how it answers, and reads the mails it accepted."""

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

logging.getLogger("mail.log").setLevel(logging.WARNING)  # it logs every address, which our own log must not contain

DROP, HANG = "drop", "hang"
"""Instead of an answer: DROP ends the connection, HANG never answers."""


@dataclass
class MailServer:
    """The accepted mails, and the answers of the server.

    raw: the accepted mails in order; mails: the same, parsed. on_sender, on_data: the answer to give, or DROP or HANG.
    on_recipient: the same by address. connections: how many were opened.
    """

    port: int
    recipients: list[str] = field(default_factory=list)
    on_sender: str | None = None
    on_recipient: dict[str, str] = field(default_factory=dict)
    on_data: str | None = None
    on_noop: str = "250 OK"
    during_data: Callable[[], None] = lambda: None
    connections: int = 0
    raw: list[bytes] = field(default_factory=list)
    _mails: list[EmailMessage] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """The accepted mails, parsed at the first use: parsing takes longer than everything else."""
        for content in self.raw[len(self._mails) :]:
            self._mails.append(email.message_from_bytes(content, policy=email.policy.default))
        return self._mails

    @property
    def url(self) -> str:
        """The value for the setting ROLLCALL_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet the client."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, argument: str) -> str:
        """Answer the test of an idle connection."""
        return self.on_noop

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept or refuse the sender."""
        refused = await _misbehave(server, self.on_sender)
        envelope.mail_from = address
        return refused or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        refused = await _misbehave(server, self.on_recipient.get(address))
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Accept the mail, and then answer as the test decides: DROP leaves the client in doubt."""
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
    """A server for the duration of the block."""
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
