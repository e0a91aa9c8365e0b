"""Handing mails to an SMTP server, over connections that are kept and used again.

What goes wrong is told apart by whose fault it is: of this mail alone, which others need not wait for, or of the
server, which is then left alone for a moment. And by whether the server may have taken the mail before the connection
was lost: then it is handed in again, under the same Message-ID.
"""

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from urllib.parse import unquote, urlsplit

from shared.deliveries.codes import DeliveryCode

PATIENCE_SECONDS = 10.0
"""How long a server may take to accept a connection, and for each answer."""

IDLE_SECONDS = 5.0
"""A connection that lay idle for longer is asked whether it lives before a mail is entrusted to it."""

FAILURES_BEFORE_PAUSE = 2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""How the server is spoken to, and on which port where the address names none."""


@dataclass(frozen=True)
class Envelope:
    """What is handed in. content: the whole mail, its lines ending in CRLF."""

    sender: str
    recipient: str
    content: bytes


class NotTaken(Exception):
    """The server has not taken the mail, or not said so.

    status: what it answered. final: trying again would be of no use. server: others would fare no better now.
    """

    def __init__(self, code: DeliveryCode, status: int | None = None, *, final: bool = False, server: bool = False):
        super().__init__(code)
        self.code, self.status, self.final, self.server = code, status, final, server


class MailServer:
    """The connections of one process. Threads may hand in at once: each has a connection to itself meanwhile."""

    def __init__(
        self, url: str, *, patience_seconds: float = PATIENCE_SECONDS, tls: ssl.SSLContext | None = None
    ) -> None:
        parts = urlsplit(url)
        self._security = parts.scheme
        self._host, self._port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
        self._login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._patience = patience_seconds
        self._tls = tls or (None if self._security == "smtp" else ssl.create_default_context())
        self._idle: list[tuple[smtplib.SMTP, float]] = []
        self._turn = Lock()
        self._failures, self._quiet_until = 0, 0.0

    @property
    def pausing(self) -> bool:
        """Whether the server failed lately, so that it is better left alone."""
        return time.monotonic() < self._quiet_until

    def hand_in(self, envelope: Envelope) -> int:
        """Hand one mail in. Answers the server's status. Raises NotTaken."""
        try:
            status = self._hand_in(envelope)
        except NotTaken as error:
            self._note(failed=error.server)
            raise
        self._note(failed=False)
        return status

    def close(self) -> None:
        """Say goodbye on every connection that is not in use."""
        with self._turn:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            with suppress(smtplib.SMTPException, OSError):
                connection.quit()

    def _hand_in(self, envelope: Envelope) -> int:
        kept = self._kept()
        if kept is not None:
            with suppress(_Stale):  # the server had closed it meanwhile; nothing was handed in
                return self._talk(kept, envelope)
        try:
            return self._talk(self._connect(), envelope)
        except _Stale:
            raise NotTaken(DeliveryCode.CONNECTION_FAILED, server=True) from None

    def _talk(self, connection: smtplib.SMTP, envelope: Envelope) -> int:
        """Hand in over this connection, and keep it for the next mail unless this one broke it."""
        try:
            status = _converse(connection, envelope)
        except NotTaken as error:
            if error.server or not _reset(connection):
                connection.close()
            else:
                self._keep(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        return status

    def _kept(self) -> smtplib.SMTP | None:
        while True:
            with self._turn:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS or _lives(connection):
                return connection
            connection.close()

    def _keep(self, connection: smtplib.SMTP) -> None:
        with self._turn:
            self._idle.append((connection, time.monotonic()))

    def _connect(self) -> smtplib.SMTP:
        try:
            at = self._host, self._port, _own_name()
            connection = (
                smtplib.SMTP_SSL(*at, timeout=self._patience, context=self._tls)
                if self._security == "smtps"
                else smtplib.SMTP(*at, timeout=self._patience)
            )
            try:
                if self._security == "smtp+starttls":
                    connection.starttls(context=self._tls)
                if self._login:
                    connection.login(*self._login)
                connection.ehlo_or_helo_if_needed()
            except BaseException:
                connection.close()
                raise
        except smtplib.SMTPResponseException as error:
            raise NotTaken(DeliveryCode.SERVER_REFUSED, error.smtp_code, server=True) from None
        except (smtplib.SMTPNotSupportedError, ssl.SSLError):
            raise NotTaken(DeliveryCode.SERVER_REFUSED, server=True) from None
        except (smtplib.SMTPException, OSError) as error:
            code = DeliveryCode.TIMED_OUT if _timed_out(error) else DeliveryCode.CONNECTION_FAILED
            raise NotTaken(code, server=True) from None
        return connection

    def _note(self, *, failed: bool) -> None:
        """Leave a server alone that failed several mails in a row; one mail that fails alone holds up nobody."""
        with self._turn:
            self._failures = self._failures + 1 if failed else 0
            more = self._failures - FAILURES_BEFORE_PAUSE
            if more >= 0:
                pause = min(FIRST_PAUSE_SECONDS * 2 ** min(more, 10), LONGEST_PAUSE_SECONDS)
                self._quiet_until = time.monotonic() + pause


class _Stale(Exception):
    """The connection ended before anything of this mail was handed in."""


def _converse(connection: smtplib.SMTP, envelope: Envelope) -> int:
    """The conversation about one mail. Raises NotTaken, and _Stale where the server ended it at its beginning."""
    begun = given = False
    try:
        status, _ = connection.docmd("MAIL", f"FROM:<{envelope.sender}>")  # bare: `mail` would parse the address
        if status == 421:
            raise _Stale
        if status != 250:  # it is we who are refused: every other mail has the same sender
            raise NotTaken(DeliveryCode.DEFERRED if status < 500 else DeliveryCode.SERVER_REFUSED, status, server=True)
        begun = True
        _accept(connection.docmd("RCPT", f"TO:<{envelope.recipient}>")[0], (250, 251), DeliveryCode.RECIPIENT_REFUSED)
        _accept(connection.docmd("DATA")[0], (354,), DeliveryCode.MAIL_REFUSED)
        given = True
        connection.send(_LEADING_DOT.sub(b"..", envelope.content) + b".\r\n")
        status = connection.getreply()[0]
        _accept(status, (250,), DeliveryCode.MAIL_REFUSED)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if given:
            raise NotTaken(DeliveryCode.IN_DOUBT, server=True) from None
        if _timed_out(error):
            raise NotTaken(DeliveryCode.TIMED_OUT, server=True) from None
        if not begun:
            raise _Stale from None
        raise NotTaken(DeliveryCode.CONNECTION_FAILED, server=True) from None
    return status


_LEADING_DOT = re.compile(rb"(?m)^\.")


def _accept(status: int, accepted: tuple[int, ...], refused: DeliveryCode) -> None:
    if status in accepted:
        return
    if status == 421:  # it closes the connection
        raise NotTaken(DeliveryCode.DEFERRED, status, server=True)
    raise NotTaken(refused if status >= 500 else DeliveryCode.DEFERRED, status, final=status >= 500)


def _timed_out(error: Exception) -> bool:
    """smtplib tells a time-out like a lost connection, and keeps what it was behind it."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _reset(connection: smtplib.SMTP) -> bool:
    """Make a connection forget the mail that was refused. Whether it can be used again."""
    try:
        return connection.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _lives(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _own_name() -> str:
    """What we call ourselves. Not the full name, for which smtplib would ask the DNS at every connection."""
    return socket.gethostname() or "localhost"
