"""kill -9 of every worker process in the middle of 20,000.

Guards: a chunk's row lock, which dies with its connection and so frees what the dead had begun; work and settling in
one transaction, so that nothing of it is half there; and `jobs.rescue`, which finds what nobody was told of any more.
"""

import pytest

from cli.processes import Process
from tests.factories import Org
from tests.faults.accounts import accounted, ended, halfway, stuck
from tests.faults.orders import CREW_SIZE, submit
from tests.faults.plant import WITHOUT_RESCUE, Plant, kill_family
from tests.faults.sabotage import slowly
from tests.waiting import within

pytestmark = pytest.mark.xdist_group("faults")


def kill_in_mid_chunk(plant: Plant, org: Org, job_id: str, worker: Process) -> None:
    """Kill a worker with all its children while both of them are inserting."""
    assert within(30, lambda: halfway(org, job_id) and plant.inserting() == 2)
    kill_family(worker)
    assert halfway(org, job_id)


def test_20000_survive_kill_9_of_every_worker_process_twice(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.25), plant.running("beat"):
        for _ in range(2):
            with plant.running("worker") as (worker,):
                kill_in_mid_chunk(plant, crew, job_id, worker)
        with plant.running("worker"):
            job = accounted(crew, job_id)
    assert (job.state, job.succeeded) == ("succeeded", CREW_SIZE)


def test_control_without_the_rescue_a_killed_job_stays_where_it_was(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    alone = WITHOUT_RESCUE | {"ROLLCALL_JOB_WINDOW": "2"}  # no third wake-up waits in Redis to go on with
    with slowly(plant.owner_url, 0.25), plant.running("worker", settings=alone) as (worker,):
        kill_in_mid_chunk(plant, crew, job_id, worker)
    with plant.running("worker", "beat", settings=alone):
        assert stuck(crew, job_id, for_seconds=6)
        assert halfway(crew, job_id)
        with plant.running("beat"):
            assert within(20, lambda: ended(crew, job_id))
    assert accounted(crew, job_id).succeeded == CREW_SIZE
