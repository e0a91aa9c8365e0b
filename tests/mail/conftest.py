"""Fixtures: a mail server, and a sender that hands its mails to it."""

from collections.abc import Iterator

import pytest
import time_machine

from shared import deliveries
from shared.settings import Settings
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.mail.correspondence import ADA, BOB, Correspondence, switch_mail
from tests.mail.server import MailServer, running


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server for this test alone."""
    with running() as started:
        yield started


@pytest.fixture
def mails(
    org: Org, worker: InProcessWorker, server: MailServer, configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Correspondence]:
    """The organization's mails, sent by this process."""
    from worker import mail  # reads the environment, so not before it is set

    config = configured.model_copy(
        update={"smtp_url": server.url, "mail_from": "Rollcall <rollcall@training.example>", "mails_a_day": 5}
    )
    monkeypatch.setattr(mail, "config", config)
    post = mail.Post()
    post.server = deliveries.MailServer(server.url, patience_seconds=1.0)
    monkeypatch.setattr(mail, "post", post)
    switch_mail(org, True)
    yield Correspondence(org, worker, server, post)
    switch_mail(org, False)
    post.server.close()


@pytest.fixture
def june(mails: Correspondence) -> Iterator[Correspondence]:
    """The first of June, and Ada and Bob in the directory."""
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        mails.add_parties(ADA, BOB)
        yield mails
