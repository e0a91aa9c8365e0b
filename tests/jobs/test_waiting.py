"""Following a job to its end: an answer that waits for it, and a stream that tells every step."""

import json
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from anyio.to_thread import run_sync
from fastapi.testclient import TestClient

from shared.access import Permission
from tests.assignments.asking import body, parties, submit
from tests.drain import Workshop
from tests.factories import Org


def meanwhile(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Let one step happen each time the API pauses between two looks at a job, in the place of the pause."""
    left = list(steps)

    async def step(_: float) -> None:
        assert left, "the API looks once more, and nothing more is going to happen"
        await run_sync(left.pop(0))

    monkeypatch.setattr("shared.services.jobs.anyio", SimpleNamespace(sleep=step))


def test_waiting_ends_when_the_job_ends(org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    org.with_parties("party-1")
    job = submit(org.client(), body(org.with_course(), "party-1"))
    meanwhile(monkeypatch, lambda: None, lambda: workshop.drain(org.id))
    answer = org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 20})
    assert answer.json()["state"] == "succeeded"
    assert org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 20}).json() == answer.json()


def test_waiting_runs_out(org: Org) -> None:
    job = submit(org.client(), body(org.with_course(), "party-1"))
    began = time.monotonic()
    answer = org.client().get(f"/v1/jobs/{job['id']}", params={"wait": 0.3})
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("rest", ["?wait=20", "/stream"])
def test_whoever_waits_holds_no_connection(
    org: Org, monkeypatch: pytest.MonkeyPatch, workshop: Workshop, rest: str
) -> None:
    """Or as many who wait as the pool has connections would keep everybody else out."""
    job = submit(org.client(), body(org.with_course(), "party-1"))
    pool: Any = org.parts.database.engine.pool
    held: list[int] = []
    look = lambda: held.append(pool.checkedout())  # noqa: E731
    meanwhile(monkeypatch, lambda: None, look, lambda: workshop.drain(org.id))
    assert org.client().get(f"/v1/jobs/{job['id']}{rest}").status_code == 200
    assert held == [0]


def streamed(client: TestClient, path: str) -> Iterator[dict[str, Any]]:
    """The jobs of a stream's events named `job`."""
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


def test_a_stream_tells_each_change_and_ends_with_the_job(
    org: Org, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", 10)
    org.with_parties(*parties(20))
    job = submit(org.client(), body(org.with_course(), *parties(20)))

    def one_chunk() -> None:
        workshop.deliver("jobs.run_chunk", org.id)

    meanwhile(monkeypatch, one_chunk, lambda: None, one_chunk)
    told = list(streamed(org.client(Permission.VIEW), f"/v1/jobs/{job['id']}/stream"))
    assert [(one["state"], one["counts"]["pending"]) for one in told] == [
        ("queued", 20),
        ("running", 10),
        ("succeeded", 0),
    ]
    assert list(streamed(org.client(), f"/v1/jobs/{job['id']}/stream")) == told[-1:]


def test_a_stream_of_a_job_that_never_ends_is_ended(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.jobs.STREAM_SECONDS", 0)
    job = submit(org.client(), body(org.with_course(), "party-1"))
    assert list(streamed(org.client(), f"/v1/jobs/{job['id']}/stream")) == [job]
