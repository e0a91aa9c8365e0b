"""Handing mails in over TLS and with a login, to a real server with a self-made certificate."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from shared.deliveries import DeliveryCode, Envelope, MailServer, NotTaken
from tests.certificates import certificate_for
from tests.faults.plant import free_port
from tests.mail.server import MailServer as Server

LETTER = Envelope("rollcall@training.example", "ada@crew.example", b"Subject: x\r\n\r\nend\r\n")
pytestmark = pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS"
)  # smtps encrypts the whole connection
LOGIN = "us%40er:p%3Ass"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a self-made certificate for localhost."""
    return certificate_for("localhost", tmp_path_factory.mktemp("tls"))


@contextmanager
def serving(certificate: Path, security: str) -> Iterator[Server]:
    """A server that accepts mails of one user only, over TLS only."""

    def check(_: Any, __: Any, ___: Any, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"us@er", b"p:ss")
        return AuthResult(success=right, handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(free_port())
    at: dict[str, Any] = {"hostname": "localhost", "port": server.port, "authenticator": check, "auth_required": True}
    if security == "smtps":
        controller = Controller(server, ssl_context=context, auth_require_tls=False, **at)
    else:
        controller = Controller(server, tls_context=context, require_starttls=True, **at)
    controller.start()
    try:
        yield server
    finally:
        controller.stop(no_assert=True)


@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
def test_a_mail_is_handed_in_over_tls_with_a_login(certificate: Path, security: str) -> None:
    with serving(certificate, security) as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        post = MailServer(f"{security}://{LOGIN}@localhost:{server.port}", tls=trusting)
        assert [post.hand_in(LETTER), post.hand_in(LETTER)] == [250, 250]
        post.close()
        assert len(server.mails) == 2


@pytest.mark.parametrize("security", ["smtps", "smtp+starttls"])
def test_an_untrusted_certificate_is_refused_before_the_password_is_sent(certificate: Path, security: str) -> None:
    with serving(certificate, security) as server:
        post = MailServer(f"{security}://{LOGIN}@localhost:{server.port}")
        with pytest.raises(NotTaken) as refused:
            post.hand_in(LETTER)
        assert (refused.value.code, refused.value.server) == (DeliveryCode.SERVER_REFUSED, True)
        assert server.mails == []


@pytest.mark.parametrize(("url", "status"), [("smtp://", 530), ("smtp+starttls://us%40er:wrong@", 535)])
def test_a_missing_tls_or_a_wrong_password_is_reported_as_the_server_refusing(
    certificate: Path, url: str, status: int
) -> None:
    with serving(certificate, "smtp+starttls") as server:
        trusting = ssl.create_default_context(cafile=str(certificate))
        with pytest.raises(NotTaken) as refused:
            MailServer(f"{url}localhost:{server.port}", tls=trusting).hand_in(LETTER)
        assert (refused.value.status, refused.value.final, refused.value.server) == (status, False, True)
        assert server.mails == []
