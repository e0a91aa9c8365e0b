"""Deliveries to servers of the tests' own, which are on private addresses."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from shared.settings import Settings
from tests.factories import Org


@pytest.fixture
def private(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks may lead to 127.0.0.1."""
    from worker import webhooks

    monkeypatch.setattr(webhooks, "config", configured.model_copy(update={"webhooks_allow_private": True}))


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Lets go of every receiver that hangs, at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def nothing_left_behind(org: Org, other_org: Org) -> Iterator[None]:
    """Senders serve every organization: what this test leaves unsent, the next one would send."""
    yield
    for one in (org, other_org):
        with one.transaction() as db:
            db.execute(text("UPDATE delivery SET state = 'suppressed' WHERE state = 'queued'"))
