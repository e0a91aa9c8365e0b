"""Two ways to follow a job to its end: a request that waits for the end, and a stream of every change."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from anyio.to_thread import run_sync
from fastapi.testclient import TestClient

from shared.access import Permission
from shared.services import jobs
from shared.watching import Watch
from tests.assignments.asking import body, parties, submit
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.waiting import within


def meanwhile(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Replaces each pause of the poller between two looks by the next of these steps; after the last one it pauses."""
    left = list(steps)

    async def step(_: Watch) -> None:
        await (run_sync(left.pop(0)) if left else asyncio.sleep(0.02))

    monkeypatch.setattr(Watch, "pause", step)


def test_a_waiting_request_is_answered_when_the_job_ends(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    org.with_parties("party-1")
    job = submit(org.client(), body(org.with_course(), "party-1"))
    meanwhile(monkeypatch, lambda: None, lambda: worker.drain(org.id))
    answer = org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 20})
    assert answer.json()["state"] == "succeeded"
    assert org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 20}).json() == answer.json()


def test_a_waiting_request_is_answered_when_its_time_is_over(org: Org) -> None:
    job = submit(org.client(), body(org.with_course(), "party-1"))
    began = time.monotonic()
    answer = org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 0.3})
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("rest", ["?wait=20", "/stream"])
def test_a_waiting_request_holds_no_database_connection(
    org: Org, monkeypatch: pytest.MonkeyPatch, worker: InProcessWorker, rest: str
) -> None:
    """Otherwise waiting requests could use up the connection pool, and block all others."""
    job = submit(org.client(), body(org.with_course(), "party-1"))
    pool: Any = org.parts.database.engine.pool
    free: list[bool] = []
    look = lambda: free.append(within(10, lambda: pool.checkedout() == 0))  # noqa: E731
    meanwhile(monkeypatch, lambda: None, look, lambda: worker.drain(org.id))
    assert org.client().get(f"/v1/jobs/{job['id']}{rest}").status_code == 200
    assert free == [True]


def streamed(client: TestClient, path: str) -> Iterator[dict[str, Any]]:
    """Reads a stream. Yields the job of each event named `job`."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            if field == "data" and name == "job":
                yield json.loads(value)


def test_a_stream_sends_each_change_and_ends_with_the_job(
    org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 10)
    org.with_parties(*parties(20))
    job = submit(org.client(), body(org.with_course(), *parties(20)))

    read, states = jobs._read_job, []

    def reading(*args: Any) -> Any:
        found = read(*args)
        states.append(found.state)
        return found

    def work_on_one_chunk() -> None:
        worker.deliver("jobs.run_chunk", org.id)

    def begin() -> None:
        assert within(10, lambda: len(states) == 2), "before the stream, and at its beginning"

    def see_it() -> None:
        assert within(10, lambda: "running" in states)

    monkeypatch.setattr(jobs, "_read_job", reading)
    meanwhile(monkeypatch, begin, work_on_one_chunk, lambda: None, see_it, work_on_one_chunk)
    sent = list(streamed(org.client(Permission.VIEW), f"/v1/jobs/{job['id']}/stream"))
    assert [(one["state"], one["counts"]["pending"]) for one in sent] == [
        ("queued", 20),
        ("running", 10),
        ("succeeded", 0),
    ]
    assert list(streamed(org.client(), f"/v1/jobs/{job['id']}/stream")) == sent[-1:]


def test_the_stream_of_a_job_that_does_not_end_is_closed_in_time(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.jobs.STREAM_SECONDS", 0)
    job = submit(org.client(), body(org.with_course(), "party-1"))
    assert list(streamed(org.client(), f"/v1/jobs/{job['id']}/stream")) == [job]
