"""Faults while a session is completed: repeated requests, a worker that dies, a party that cannot be licensed.

Guards: the lock on the session, under which its state is read; and one transaction for the licences, the assignments,
the events, the outcomes and the settling of a chunk.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from sqlalchemy import func, select

from shared import clock, jobs
from shared.assignments import Assignment
from shared.licences import Licence
from tests.assignments.asking import assign, body, codes, counted, parties, read_job
from tests.conftest import Servers
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.feed import recorded, subjects
from tests.sessions.sitting import accept, add, outcomes, read, schedule

SIZE = 30


class Killed(BaseException):
    """The death of a worker. No handler in the worker catches it."""


@pytest.fixture
def session_id(org: Org, worker: InProcessWorker) -> str:
    """A session of thirty parties, each with an open assignment of its course version."""
    org.with_parties(*parties(SIZE))
    course = org.with_course()
    assign(org, worker, body(course, *parties(SIZE)))
    session = schedule(org, course)
    add(org, session, *parties(SIZE))
    return session


def tally(org: Org, session_id: str) -> dict[str, int]:
    """Counts licences, completed assignments and their events, and the distinct parties of each."""
    with org.transaction() as db:
        of_session = Licence.session_id == session_id
        licences = db.scalar(select(func.count()).where(of_session)) or 0
        licensed = db.scalar(select(func.count(Licence.party_id.distinct())).where(of_session)) or 0
        done = db.scalar(select(func.count()).where(Assignment.completion_method == "session")) or 0
    granted = [event.party_id for event in recorded(org, "licence.granted")]
    told = subjects(org, "assignment.completed")
    return {
        "licences": licences,
        "licensed": licensed,
        "granted": len(granted),
        "granted to": len(set(granted)),
        "done": done,
        "told": len(told),
        "told of": len(set(told)),
    }


NOTHING = dict.fromkeys(("licences", "licensed", "granted", "granted to", "done", "told", "told of"), 0)
EACH_ONCE = dict.fromkeys(NOTHING, SIZE)


def killed_while_settling(
    worker: InProcessWorker, org: Org, patch: pytest.MonkeyPatch, *, commit: bool = False
) -> None:
    """Lets a worker die after it has written a chunk, before it settles the chunk. commit: commits the writes first."""

    def die(db: Any, *_: object) -> None:
        if commit:
            db.commit()
        raise Killed

    with patch.context() as dying:
        dying.setattr("shared.sessions.store_completion_outcomes", die)
        with pytest.raises(Killed):
            worker.deliver("jobs.run", org.id)
    worker.messages.clear()


def rescued(worker: InProcessWorker, org: Org) -> None:
    """Lets another worker do the work when the claim of the dead worker is old."""
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        worker.drain(org.id)


def test_each_party_is_licensed_once_if_a_worker_dies(
    org: Org, worker: InProcessWorker, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = accept(org, session_id)
    killed_while_settling(worker, org, monkeypatch)
    assert (tally(org, session_id), read(org, session_id)["state"]) == (NOTHING, "completing")
    rescued(worker, org)
    assert read_job(org, job)["state"] == "succeeded"
    assert (tally(org, session_id), read(org, session_id)["state"]) == (EACH_ONCE, "completed")
    granted_at = {event.data["grantedAt"] for event in recorded(org, "licence.granted")}
    assert granted_at == {job["request"]["grantedAt"]}


def test_control_without_one_transaction_the_counts_are_lost(
    org: Org, worker: InProcessWorker, session_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = accept(org, session_id)
    killed_while_settling(worker, org, monkeypatch, commit=True)
    assert tally(org, session_id)["licences"] == SIZE
    rescued(worker, org)
    counts = read_job(org, job)["counts"]
    assert (counts["succeeded"], counts["unchanged"]) == (0, SIZE), (
        "the licences are granted, but the job does not count them"
    )


def test_four_completions_at_once_are_one_job(org: Org, worker: InProcessWorker, session_id: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        accepted = list(pool.map(lambda _: accept(org, session_id), range(4)))
    assert len({job["id"] for job in accepted}) == 1
    worker.drain(org.id)
    assert tally(org, session_id) == EACH_ONCE
    assert len(subjects(org, "session.completed")) == 1


def test_each_party_is_licensed_once_if_every_message_comes_three_times(
    org: Org, worker: InProcessWorker, session_id: str
) -> None:
    job = accept(org, session_id)
    for _ in range(3):
        worker.send("jobs.run", org.id)
    worker.drain(*[org.id] * 3)
    assert (read_job(org, job)["state"], tally(org, session_id)) == ("succeeded", EACH_ONCE)


@contextmanager
def cannot_be_licensed(servers: Servers, org: Org, party_id: str) -> Iterator[None]:
    """Inserting a licence of this party fails during the block."""
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("""CREATE FUNCTION refuse_licence() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'this party cannot be licensed'; END $$""")
        owner.execute(f"""CREATE TRIGGER refuse_licence BEFORE INSERT ON licence FOR EACH ROW
            WHEN (NEW.org_id = '{org.id}' AND NEW.party_id = '{party_id}') EXECUTE FUNCTION refuse_licence()""")
        try:
            yield
        finally:
            owner.execute("DROP FUNCTION refuse_licence CASCADE")


def test_a_party_that_cannot_be_licensed_fails_alone_and_is_retried(
    org: Org, worker: InProcessWorker, session_id: str, servers: Servers
) -> None:
    job = accept(org, session_id)
    with cannot_be_licensed(servers, org, "party-00007"):
        worker.drain(org.id)
    job = read_job(org, job)
    assert job["state"] == "partially_succeeded"
    assert counted(codes(org, job).values()) == {"licence-granted": SIZE - 1, "processing-failed": 1}
    assert (read(org, session_id)["state"], outcomes(org, session_id)["party-00007"]) == ("completed", "failed")
    retried = org.client().post(f"/v1/jobs/{job['id']}/retry").json()
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        worker.drain(org.id)
    assert codes(org, retried) == {"party-00007": "licence-granted"}
    assert tally(org, session_id) == EACH_ONCE
    with org.transaction() as db:
        assert len(set(db.scalars(select(Licence.granted_at)))) == 1
        assert jobs.get(db, retried["id"]).kind == "sessions.complete"
    assert len(subjects(org, "session.completed")) == 1
