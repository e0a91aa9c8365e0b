"""The cost of a session: a roster of 2,000 is filled, completed and amended with the same statements as one of 20."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.assignments.asking import assign, body, codes, parties, recipients
from tests.drain import InProcessWorker
from tests.factories import Org, count_statements
from tests.sessions.sitting import accept, add, attend, complete, schedule

SIZES = (20, 2000)


@pytest.fixture(autouse=True)
def one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to 2,000 parties in one chunk."""
    monkeypatch.setattr("shared.jobs.actions.SMALLEST_CHUNK", max(SIZES))


@pytest.fixture
def crew(org: Org) -> Org:
    """An organization with 4,000 parties."""
    org.with_parties(*parties(2 * max(SIZES)))
    return org


def worked(org: Org, worker: InProcessWorker, begin: Callable[[], object]) -> list[str]:
    """The statements that a worker sends for the job of one chunk that `begin` submits."""
    begin()
    with count_statements(worker.database.engine) as counted:
        worker.deliver("jobs.run", org.id)
    worker.messages.clear()
    return counted.sent


def test_adding_any_number_of_parties_takes_the_same_statements(crew: Org) -> None:
    found = []
    for size in SIZES:
        session_id = schedule(crew, capacity=size // 2)
        with count_statements(crew.parts.database.engine) as counted:
            done = add(crew, session_id, "unknown", *parties(size))
        assert (done["added"], len(done["refused"])) == (size // 2, size // 2 + 1)
        found.append(counted.sent)
    assert found[0] == found[1]
    assert len(found[0]) < 15


def test_completing_a_session_of_any_size_takes_the_same_statements(crew: Org, worker: InProcessWorker) -> None:
    """Half of the parties have an open assignment, one is absent, and all others renew a licence of the course."""
    found = []
    for size in SIZES:
        course = crew.with_course()
        for turn in ("first", "renewed"):
            assign(crew, worker, body(course, *parties(size // 2)))
            session_id = schedule(crew, course)
            add(crew, session_id, *parties(size))
            attend(crew, session_id, "party-00001", "absent")
            if turn == "first":
                complete(crew, worker, session_id)
        found.append(worked(crew, worker, partial(accept, crew, session_id)))
    assert found[0] == found[1]
    assert len(found[0]) < 40


def test_amending_a_session_of_any_size_takes_the_same_statements(crew: Org, worker: InProcessWorker) -> None:
    found = []
    for size in SIZES:
        session_id = schedule(crew)
        add(crew, session_id, *parties(size))
        complete(crew, worker, session_id)
        sent = {
            "add": recipients(*parties(size // 2, first=size)),
            "remove": recipients(*parties(size // 2)),
            "reason": "x",
        }
        path = f"/v1/sessions/{session_id}/amend"
        begin = partial(crew.client().post, path, json=sent)
        found.append(len(worked(crew, worker, begin)))
        job = crew.client().get("/v1/jobs", params={"kind": "sessions.amend"}).json()["items"][0]
        assert set(codes(crew, job).values()) == {"removed", "licence-granted"}
    assert found[0] == found[1]
    assert found[0] < 45
