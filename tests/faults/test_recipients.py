"""Three bad recipients among 2,000: one raises, one hangs, one cuts its connection. 1,997 are done, three are named.

Guards: the statement timeout ends a hanging statement; each attempt is counted before the work, in a transaction of its
own, so a recipient that kills its connection or worker is noticed; a chunk that fails as a whole is split until the bad
recipient is alone in its chunk. The tests kill real worker processes and real connections.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil
import pytest

from cli.processes import Process
from shared import jobs
from shared.access import Permission
from tests.conftest import Servers
from tests.drain import InProcessWorker
from tests.factories import Org
from tests.faults.accounts import accounted, job_of
from tests.faults.background import in_background
from tests.faults.orders import crew_members, submit
from tests.faults.plant import Plant
from tests.faults.sabotage import CUTS_THE_CONNECTION, HANGS, LOCK, RAISES, WAITS_FOR_THE_LOCK, bad_party


@pytest.fixture(scope="module")
def worker_process(plant: Plant, crew: Org) -> Iterator[Process]:
    """A worker that cancels a statement after 1.5 s."""
    with plant.running("worker", "beat", settings={"ROLLCALL_STATEMENT_TIMEOUT": "1.5"}) as (worker, _):
        yield worker


@contextmanager
def killer_of_workers(plant: Plant, worker: Process) -> Iterator[list[int]]:
    """Kill, with SIGKILL, each child of the worker whose connection waits for our lock. Yields the killed ids."""
    killed: list[int] = []

    def watch(over: threading.Event) -> None:
        with plant.overseer() as overseer:
            overseer.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            while not over.wait(0.02):
                waiting = overseer.execute(
                    """SELECT client_port FROM pg_stat_activity WHERE wait_event = 'advisory'
                       AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"""
                ).fetchall()
                killed.extend(_kill_child_at(worker, {port for (port,) in waiting}))

    with in_background(watch):
        yield killed


def _kill_child_at(worker: Process, ports: set[int]) -> Iterator[int]:
    for child in psutil.Process(worker.pid).children():
        with suppress(psutil.Error):
            if any(connection.laddr.port in ports for connection in child.net_connections("tcp")):
                child.kill()
                yield child.pid


def failures(org: Org, job_id: str) -> dict[str, str]:
    """Returns the recipients that the results list as failed, with their codes."""
    answer = org.client(Permission.VIEW).get(f"/v1/jobs/{job_id}/results", params={"outcome": "failed"})
    assert answer.status_code == 200, answer.text
    return {item["entityId"]: item["code"] for item in answer.json()["items"]}


@pytest.mark.usefixtures("worker_process")
def test_1997_of_2000_recipients_are_done_beside_three_that_raise_hang_and_cut_the_connection(
    plant: Plant, crew: Org
) -> None:
    bad = {"party-00250": RAISES, "party-00900": HANGS, "party-01999": CUTS_THE_CONNECTION}
    with ExitStack() as sabotage:
        for party_id, does in bad.items():
            sabotage.enter_context(bad_party(plant.owner_url, crew.id, party_id, does))
        job_id = submit(crew, crew_members(2000))
        job = accounted(crew, job_id)
    assert (job.state, job.succeeded, job.failed) == ("partially_succeeded", 1997, 3)
    told = {party_id: "interrupted" if does == CUTS_THE_CONNECTION else "failed" for party_id, does in bad.items()}
    assert failures(crew, job_id) == {party_id: f"processing-{what}" for party_id, what in told.items()}


@pytest.mark.matrix  # half a minute of it are pauses
def test_a_recipient_that_kills_its_worker_process_every_time_fails_alone(
    plant: Plant, crew: Org, worker_process: Process
) -> None:
    with (
        bad_party(plant.owner_url, crew.id, "party-00100", WAITS_FOR_THE_LOCK),
        killer_of_workers(plant, worker_process) as killed,
    ):
        job_id = submit(crew, crew_members(500))
        job = accounted(crew, job_id, seconds=100)
    assert len(killed) >= 4, "a worker process died at each level of the splitting"
    assert (job.succeeded, job.failed) == (499, 1)
    assert failures(crew, job_id) == {"party-00100": "processing-interrupted"}


@pytest.mark.parametrize("counted", [True, False], ids=["guarded", "control"])
def test_control_a_recipient_that_cuts_the_connection_ends_only_by_counted_attempts(
    servers: Servers, org: Org, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch, counted: bool
) -> None:
    from worker.app import config

    monkeypatch.setattr("worker.jobs.config", config.model_copy(update={"job_claim_seconds": 1e-6}))
    if not counted:
        monkeypatch.setattr(jobs, "ATTEMPTS_BEFORE_SPLIT", 1_000_000)
    org.with_parties(*crew_members(20))
    job_id = submit(org, crew_members(20))
    with bad_party(servers.owner_url, org.id, "party-00007", CUTS_THE_CONNECTION):
        for _ in range(30):
            worker.deliver("jobs.run_chunk", org.id)
    if counted:
        assert accounted(org, job_id, seconds=0).succeeded == 19
    else:
        assert job_of(org, job_id).pending == 20
