"""Accepting a job: a 202 means a durable job, an Idempotency-Key means one job, and no request waits for Redis."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from api.app import create_app
from api.http.parts import Parts
from shared import jobs
from shared.assignments import CloseJob
from shared.broker import Broker, make_celery
from shared.jobs import JobRequest, Key
from tests.factories import Org
from tests.jobs.steps import CHUNK, chunks, submit, submit_in
from tests.racing import blocked

UNUSED_REDIS = "redis://127.0.0.1:1/0"


def body(course: str) -> dict[str, object]:
    return {"courseId": course, "recipients": [{"entityType": "party", "entityId": "crew-1"}], "reason": "Refresh"}


KEY = Key("run-1", "/v1/any")
ANOTHER_BODY = CloseJob(by="assignment", reason="Any")


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


# --- one key, one job


def test_two_submissions_at_once_with_one_key_are_one_job(org: Org) -> None:
    """The second submission waits for the first, and then returns its job."""
    with org.transaction() as one:
        job, existed = submit_in(one, key=KEY, body=JobRequest())
        assert not existed
        with blocked(org, lambda other: submit_in(other, key=KEY, body=JobRequest())) as second:
            one.commit()
            twin, existed = second.result(5)
            assert (twin.id, existed) == (job.id, True)
    assert [chunk.n for chunk in chunks(org, job.id)] == [0]
    assert [one["counts"]["total"] for one in org.client().get("/v1/jobs").json()["items"]] == [CHUNK]


def test_two_submissions_at_once_with_one_key_and_two_bodies_are_refused_but_for_one(org: Org) -> None:
    with org.transaction() as one:
        submit_in(one, key=KEY, body=JobRequest())
        with blocked(
            org,
            lambda other: submit_in(other, key=KEY, body=ANOTHER_BODY),
        ) as second:
            one.commit()
            with pytest.raises(jobs.IdempotencyKeyReused):
                second.result(5)
    assert len(org.client().get("/v1/jobs").json()["items"]) == 1


def test_two_submissions_without_a_key_are_two_jobs(org: Org) -> None:
    assert submit(org) != submit(org)


# --- Redis


def test_an_absent_redis_delays_no_request_and_loses_no_job(org: Org, parts: Parts) -> None:
    org.with_parties("crew-1")
    course = org.with_course()
    broker = Broker(make_celery(UNUSED_REDIS))
    lonely = replace(parts, broker=broker)
    client = Org(org.id, create_app(lonely), lonely).client()
    answers = [client.post("/v1/assignments", json=body(course)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(org.client().get("/v1/jobs").json()["items"]) == 3


def test_after_a_failure_the_broker_is_not_used_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    app, attempts = make_celery(UNUSED_REDIS), 0

    def attempt(*_: object, **__: object) -> None:
        nonlocal attempts
        attempts += 1
        raise OSError("connection refused")

    monkeypatch.setattr(app, "send_task", attempt)
    broker = Broker(app)
    assert not any(broker.send("jobs.run", "org-1") for _ in range(1000))
    assert attempts == 1
