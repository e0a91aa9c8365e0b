"""A worker is frozen in the middle of a chunk for longer than every timeout, and then continues.

Guard: PostgreSQL ends an idle transaction, which frees the chunk for other workers. When the frozen worker continues,
its connection is dead, so it writes nothing.
"""

import signal

import psutil

from cli.processes import Process
from tests.faults.accounts import accounted, halfway
from tests.faults.orders import Crew, submit
from tests.faults.plant import Plant, inserting
from tests.faults.sabotage import slowly
from tests.waiting import within

SHORT = {"ROLLCALL_STATEMENT_TIMEOUT": "3"}
"""In seconds. A worker's transaction may be idle for one and a half times as long."""


def signal_family(process: Process, number: signal.Signals) -> None:
    """Send a signal to a program and all its descendants."""
    for member in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
        member.send_signal(number)


def test_a_job_survives_a_worker_frozen_in_mid_chunk(plant: Plant, crew: Crew) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.5), plant.running("worker", "beat", settings=SHORT) as (frozen, _):
        with plant.overseer() as overseer:
            assert within(30, lambda: inserting(overseer) == 2 and halfway(crew, job_id))
        signal_family(frozen, signal.SIGSTOP)
        with plant.running("worker", settings=SHORT):
            assert accounted(crew, job_id).succeeded == crew.size
        signal_family(frozen, signal.SIGCONT)
        assert accounted(crew, submit(crew)).succeeded == crew.size, "the worker that was frozen works again"
    assert accounted(crew, job_id).succeeded == crew.size
