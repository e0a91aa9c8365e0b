"""Fixtures for deliveries to test servers, which have private addresses."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from shared.settings import Settings
from tests.factories import Org


@pytest.fixture
def private(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allows webhooks to call 127.0.0.1."""
    from worker import webhooks

    monkeypatch.setattr(webhooks, "config", configured.model_copy(update={"webhooks_allow_private": True}))


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """An event that releases every hanging receiver. It is set at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def nothing_left_behind(org: Org, other_org: Org) -> Iterator[None]:
    """Suppresses the deliveries that a test leaves queued. Otherwise the next test would send them."""
    yield
    for one in (org, other_org):
        with one.transaction() as db:
            db.execute(text("UPDATE delivery SET state = 'suppressed' WHERE state = 'queued'"))
