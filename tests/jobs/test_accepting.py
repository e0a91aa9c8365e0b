"""Accepting: no 202 without a durable job, and no request that waits for Redis."""

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from api.app import create_app
from api.http.parts import Parts
from shared.broker import Broker, make_celery
from tests.factories import Org

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def body(course: str) -> dict[str, object]:
    return {"courseId": course, "recipients": [{"entityType": "party", "entityId": "crew-1"}], "reason": "Refresh"}


def test_a_commit_that_fails_is_never_answered_with_202(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    org.with_parties("crew-1")
    course = org.with_course()

    def fail(_: Session) -> None:
        raise OperationalError("COMMIT", {}, Exception("cut off"))

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        answer = org.client().post("/v1/assignments", json=body(course))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert org.client().get("/v1/jobs").json()["items"] == []


def test_an_absent_redis_delays_no_request_and_loses_no_job(org: Org, parts: Parts) -> None:
    org.with_parties("crew-1")
    course = org.with_course()
    broker = Broker(make_celery(NOBODY_LISTENS))
    lonely = Parts(parts.settings, parts.database, broker, parts.tokens)
    client = Org(org.id, create_app(lonely), lonely).client()
    answers = [client.post("/v1/assignments", json=body(course)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(org.client().get("/v1/jobs").json()["items"]) == 3


def test_after_a_failure_the_broker_is_left_alone_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    app, attempts = make_celery(NOBODY_LISTENS), 0

    def attempt(*_: object, **__: object) -> None:
        nonlocal attempts
        attempts += 1
        raise OSError("nobody listens")

    monkeypatch.setattr(app, "send_task", attempt)
    broker = Broker(app)
    assert not any(broker.send("jobs.run", "org-1") for _ in range(1000))
    assert attempts == 1
