"""A mail server that refuses, delays, hangs or goes away: other mails are sent, and this one is retried or fails."""

import time
from email.message import EmailMessage

import pytest
import time_machine

from shared import clock, deliveries
from shared.deliveries import DeliveryCode, Envelope, MailServer, NotTaken
from tests.mail.correspondence import ADA, BOB, Correspondence
from tests.mail.server import DROP, HANG
from tests.mail.server import MailServer as Server

CLEO = {"entityId": "cleo", "displayName": "Cleo Adeyemi", "email": "cleo@crew.example"}
LETTER = Envelope("rollcall@training.example", "ada@crew.example", b"Subject: x\r\n\r\n.\r\n..dots\r\nend\r\n")


def given(mails: Correspondence) -> None:
    """Plan mails to three parties about an assignment each."""
    mails.add_parties(ADA, BOB, CLEO)
    mails.assign("ada", "bob", "cleo")
    mails.plan()


def later(mails: Correspondence, seconds: float) -> list[EmailMessage]:
    """Send the mails that are due this many seconds from now."""
    before = len(mails.server.mails)
    with time_machine.travel(clock.now().timestamp() + seconds, tick=True):
        mails.send()
    return mails.server.mails[before:]


def test_a_refused_recipient_fails_alone(mails: Correspondence) -> None:
    given(mails)
    mails.server.on_recipient["bob@crew.example"] = "550 5.1.1 no such mailbox"
    mails.send()
    states = {row.receiver: (row.state, row.code, row.status) for row in mails.rows()}
    assert states == {
        "ada": ("sent", "delivered", 250),
        "bob": ("failed", "recipient-refused", 550),
        "cleo": ("sent", "delivered", 250),
    }
    assert later(mails, 86_400) == []  # it failed for good
    assert mails.server.connections <= 3


def test_a_greylisted_mail_is_sent_after_its_pause(mails: Correspondence) -> None:
    given(mails)
    mails.server.on_recipient["bob@crew.example"] = "451 4.7.1 greylisted"
    mails.send()
    (bob,) = [row for row in mails.rows() if row.receiver == "bob"]
    assert (bob.state, bob.code, bob.status, bob.attempts) == ("queued", "deferred", 451, 1)
    assert bob.next_attempt_at > clock.now()
    assert later(mails, 0) == []
    mails.server.on_recipient.clear()
    (mail,) = later(mails, 10)
    assert mail["Message-ID"] == f"<{bob.id}@training.example>"
    assert {state for _, state, _ in mails.states()} == {"sent"}


@pytest.mark.parametrize(("answer", "code"), [("554 5.7.1 go away", "server-refused"), ("451 busy", "deferred")])
def test_no_mail_is_lost_if_the_server_refuses_the_sender(mails: Correspondence, answer: str, code: str) -> None:
    given(mails)
    mails.server.on_sender = answer
    mails.send()
    assert {(row.state, row.code) for row in mails.rows() if row.attempts} == {("queued", code)}
    mails.server.on_sender = None
    mails.post.server = MailServer(mails.server.url)  # without the pause
    later(mails, 10)
    assert {state for _, state, _ in mails.states()} == {"sent"}


def test_a_server_that_is_down_gets_a_pause(mails: Correspondence) -> None:
    given(mails)
    nobody = MailServer("smtp://127.0.0.1:9", patience_seconds=1)
    mails.post.server = nobody
    mails.send()
    assert nobody.pausing
    attempts = [row.attempts for row in mails.rows()]
    assert sorted(attempts) in ([0, 1, 1], [1, 1, 1])  # a mail that was not begun has lost no attempt
    mails.send()
    assert [row.attempts for row in mails.rows()] == attempts


def test_a_mail_in_doubt_is_sent_again_with_the_same_message_id(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.server.on_data = DROP
    (first,) = mails.deliver()
    assert mails.states() == [("ada", "queued", "in-doubt")]
    mails.server.on_data = None
    (second,) = later(mails, 10)
    assert first["Message-ID"] == second["Message-ID"]
    assert mails.states() == [("ada", "sent", "delivered")]


def test_a_server_that_hangs_on_one_recipient_delays_no_other_mail(mails: Correspondence) -> None:
    given(mails)
    mails.server.on_recipient["bob@crew.example"] = HANG
    begun = time.monotonic()
    mails.send()
    assert time.monotonic() - begun < 8
    assert {(row.receiver, row.state, row.code) for row in mails.rows()} == {
        ("ada", "sent", "delivered"),
        ("bob", "queued", "timed-out"),
        ("cleo", "sent", "delivered"),
    }


def test_a_mail_that_is_refused_for_its_contents_fails(mails: Correspondence) -> None:
    mails.add_parties(ADA)
    mails.assign("ada")
    mails.server.on_data = "554 5.6.0 looks like spam"
    mails.deliver()
    (row,) = mails.rows()
    assert (row.state, row.code, row.status) == ("failed", "mail-refused", 554)


def test_no_transaction_is_open_while_a_mail_is_handed_in(mails: Correspondence) -> None:
    given(mails)
    open_ones: list[int] = []
    pool = mails.worker.database.engine.pool
    mails.server.during_data = lambda: open_ones.append(pool.checkedout())  # type: ignore[attr-defined]
    mails.post.connections = 1
    mails.send()
    assert open_ones == [0, 0, 0]


def test_a_sender_that_dies_before_settling_repeats_that_one_mail(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(mails)
    settle = deliveries.settle_soon
    calls: list[int] = []

    def die_at_the_second(*args: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit
        settle(*args)  # type: ignore[arg-type]

    mails.post.connections = 1
    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "settle_soon", die_at_the_second)
        with pytest.raises(SystemExit):
            mails.send()
    assert len(mails.server.mails) >= 2
    sent = [mail["Message-ID"] for mail in mails.server.mails]
    again = later(mails, 200)  # the lease is over
    assert {state for _, state, _ in mails.states()} == {"sent"}
    everything = sent + [mail["Message-ID"] for mail in again]
    assert len(set(everything)) == 3
    assert len(everything) == 4


def test_a_task_whose_time_is_over_hands_in_no_further_mail(
    mails: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives the other mails back, and sends another wake-up."""
    from worker import mail

    given(mails)
    clocks = [0.0]

    class Time:
        """Replaces the module `time`: an hour passes while the first mail is handed in."""

        @staticmethod
        def monotonic() -> float:
            return clocks[-1]

    mails.server.during_data = lambda: clocks.append(3600.0)
    mails.post.connections = 1
    monkeypatch.setattr(mail, "time", Time)
    monkeypatch.setattr(mail, "SENDING_SECONDS", 20.0)
    mail.send([mails.org.id])
    assert sorted((row.state, row.attempts) for row in mails.rows()) == [("queued", 0), ("queued", 0), ("sent", 1)]
    assert list(mails.worker.messages) == [("deliveries.send", ("email",))]


# --- the connection itself


def test_connections_are_kept(server: Server) -> None:
    post = MailServer(server.url)
    for _ in range(5):
        assert post.hand_in(LETTER) == 250
    post.close()
    assert server.connections == 1
    assert server.raw[0] == LETTER.content


def test_a_connection_that_the_server_closed_is_replaced(server: Server) -> None:
    post = MailServer(server.url)
    post.hand_in(LETTER)
    ((kept, _),) = post._idle
    assert kept.sock is not None
    kept.sock.shutdown(2)
    assert post.hand_in(LETTER) == 250
    server.on_sender = "421 too many mails over this connection"
    with pytest.raises(NotTaken) as refused:
        post.hand_in(LETTER)
    assert (refused.value.code, refused.value.server) == (DeliveryCode.CONNECTION_FAILED, True)
    post.close()
    assert server.connections == 3


def test_a_refusal_keeps_the_connection(server: Server) -> None:
    post = MailServer(server.url)
    server.on_recipient["ada@crew.example"] = "550 no"
    with pytest.raises(NotTaken) as refused:
        post.hand_in(LETTER)
    assert (refused.value.status, refused.value.final, refused.value.server) == (550, True, False)
    server.on_recipient.clear()
    assert post.hand_in(LETTER) == 250
    assert server.connections == 1
    post.close()


def test_two_failures_in_a_row_make_a_pause_and_one_does_not(server: Server) -> None:
    post = MailServer(server.url, patience_seconds=1)
    for expected in (False, True):
        server.on_data = DROP
        with pytest.raises(NotTaken):
            post.hand_in(LETTER)
        assert post.pausing is expected
    server.on_data = None
    post.hand_in(LETTER)  # handing in is still possible during the pause
    post.close()


def test_a_connection_that_was_idle_is_tested_before_a_mail_is_handed_in(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.deliveries.smtp.IDLE_SECONDS", 0)
    post = MailServer(server.url)
    post.hand_in(LETTER)
    post.hand_in(LETTER)
    assert server.connections == 1
    server.on_noop = "421 closing"
    post.hand_in(LETTER)
    assert server.connections == 2
    post.close()
