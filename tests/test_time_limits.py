"""A request waits for the database only so long: then it is answered with 503. Many at once do not block each other."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.factories import Org

PARTIES = {"parties": [{"entityId": "party-1", "displayName": "Ada"}]}


def unavailable(answer: Any) -> str:
    """Return the detail of a 503 that asks for another attempt. Fails for any other answer."""
    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2"), answer.text
    problem = answer.json()
    assert problem["type"] == "urn:rollcall:problem:unavailable"
    return str(problem["detail"])


def test_a_connection_of_the_api_has_time_limits(org: Org) -> None:
    with org.transaction() as db:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        assert [db.scalar(text(f"SHOW {name}")) for name in names] == ["5s", "2s", "30s"]


def test_a_statement_that_takes_too_long_is_answered_with_503(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(db: Session, *_: object) -> None:
        db.execute(text("SET LOCAL statement_timeout = '100ms'"))
        db.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setattr("shared.directory.put_parties", sleep)
    assert "took too long" in unavailable(org.client().put("/v1/parties", json=PARTIES))


def test_a_request_that_waits_for_a_lock_is_answered_with_503_after_2_seconds(org: Org) -> None:
    org.with_parties("party-1")
    with org.transaction() as db:
        db.execute(text("SELECT FROM party FOR UPDATE"))
        began = time.monotonic()
        unavailable(org.client().put("/v1/parties", json=PARTIES))
        assert 1.5 < time.monotonic() - began < 20


def test_200_requests_at_once_do_not_block_each_other(org: Org) -> None:
    """A request changes threads while it holds a connection. Without an order, requests with a connection would wait
    for a thread, and requests with a thread for a connection, until some give up after 5 seconds."""
    client = org.client()
    with ThreadPoolExecutor(200) as pool:
        statuses = list(pool.map(lambda _: client.get("/v1/courses").status_code, range(200)))
    assert statuses == [200] * 200
