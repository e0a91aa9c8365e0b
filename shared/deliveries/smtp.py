"""Hands mails to an SMTP server over connections that are kept and used again.

A failure is classified by its cause: this mail alone (other mails go on), or the server (which then gets a pause). If
the connection was lost after the contents were sent, the server may have accepted the mail: it is handed in again with
the same Message-ID.

smtplib speaks the protocol. Its `sendmail` was not taken: it does not say at which step the connection was lost, and
parses addresses that are checked already (0.11 ms of processor time a mail against 0.07). aiosmtplib (5.1) was not
taken: it costs 0.45 ms a mail, and eight threads suffice for eight connections. Measured with mails of 3 kB over one
kept connection to a server that accepts everything.
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
"""Time limit for a connection, and for each answer of the server."""

IDLE_SECONDS = 5.0
"""A connection that was idle for longer is tested (NOOP) before a mail is handed in over it."""

FAILURES_BEFORE_PAUSE = 2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""The supported schemes, each with the port to use if the address names none."""


@dataclass(frozen=True)
class Envelope:
    """A mail to hand in. content: the complete mail, its lines ending in CRLF."""

    sender: str
    recipient: str
    content: bytes


class NotTaken(Exception):
    """The server has not accepted the mail, or has not confirmed it.

    status: the SMTP status, if there was an answer. final: another attempt would be useless. server: the cause is the
    server, so other mails would fail now too.
    """

    def __init__(self, code: DeliveryCode, status: int | None = None, *, final: bool = False, server: bool = False):
        super().__init__(code)
        self.code, self.status, self.final, self.server = code, status, final, server


class MailServer:
    """The connections of one process to the mail server. Threads may use it concurrently; each gets its own connection.

    patience_seconds: time limit for a connection and for each answer. tls: default, the authorities of this machine.
    """

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
        self._lock = Lock()
        self._failures, self._paused_until = 0, 0.0

    @property
    def pausing(self) -> bool:
        """True while the server gets a pause, because it failed several times in a row."""
        return time.monotonic() < self._paused_until

    def hand_in(self, envelope: Envelope) -> int:
        """Hand one mail in. Returns the server's status. Raises NotTaken."""
        try:
            status = self._hand_in(envelope)
        except NotTaken as error:
            self._count(failed=error.server)
            raise
        self._count(failed=False)
        return status

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
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
        """Hand in over this connection, and keep it for the next mail unless it is broken."""
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
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS or _is_alive(connection):
                return connection
            connection.close()

    def _keep(self, connection: smtplib.SMTP) -> None:
        with self._lock:
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

    def _count(self, *, failed: bool) -> None:
        """Count failures of the server in a row. From the second on it gets a pause; one alone delays no mail."""
        with self._lock:
            self._failures = self._failures + 1 if failed else 0
            more = self._failures - FAILURES_BEFORE_PAUSE
            if more >= 0:
                pause = min(FIRST_PAUSE_SECONDS * 2 ** min(more, 10), LONGEST_PAUSE_SECONDS)
                self._paused_until = time.monotonic() + pause


class _Stale(Exception):
    """The connection ended before any part of this mail was handed in."""


def _converse(connection: smtplib.SMTP, envelope: Envelope) -> int:
    """The SMTP commands for one mail. Raises NotTaken, and _Stale if the server had closed the connection before."""
    begun = handed_over = False
    try:
        status, _ = connection.docmd(
            "MAIL", f"FROM:<{envelope.sender}>"
        )  # not `connection.mail`, which would parse the address
        if status == 421:
            raise _Stale
        if status != 250:  # the sender is refused, and every mail has the same sender
            raise NotTaken(DeliveryCode.DEFERRED if status < 500 else DeliveryCode.SERVER_REFUSED, status, server=True)
        begun = True
        _accept(connection.docmd("RCPT", f"TO:<{envelope.recipient}>")[0], (250, 251), DeliveryCode.RECIPIENT_REFUSED)
        _accept(connection.docmd("DATA")[0], (354,), DeliveryCode.MAIL_REFUSED)
        handed_over = True
        connection.send(_LEADING_DOT.sub(b"..", envelope.content) + b".\r\n")
        status = connection.getreply()[0]
        _accept(status, (250,), DeliveryCode.MAIL_REFUSED)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if handed_over:
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
    if status == 421:  # the server closes the connection
        raise NotTaken(DeliveryCode.DEFERRED, status, server=True)
    raise NotTaken(refused if status >= 500 else DeliveryCode.DEFERRED, status, final=status >= 500)


def _timed_out(error: Exception) -> bool:
    """True for a time-out. smtplib raises SMTPServerDisconnected for it and keeps the cause in `__context__`."""
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _reset(connection: smtplib.SMTP) -> bool:
    """Reset a connection after a refused mail (RSET). Returns True if it can be used again."""
    try:
        return connection.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _is_alive(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _own_name() -> str:
    """The name in our EHLO. smtplib's default is the full name, which it looks up in the DNS for every connection."""
    return socket.gethostname() or "localhost"
