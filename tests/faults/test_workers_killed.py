"""SIGKILL for every worker process during a job.

Guards: a chunk's row lock ends with its connection, which frees the chunk; the work and the settling of a chunk are one
transaction, so a chunk is never half done; and `jobs.rescue` finds work whose wake-up message was lost.
"""

import pytest

from cli.processes import Process
from tests.factories import Org
from tests.faults.accounts import accounted, halfway, stuck
from tests.faults.orders import Crew, submit
from tests.faults.plant import WITHOUT_RESCUE, Plant, inserting, kill_with_children
from tests.faults.sabotage import slowly
from tests.waiting import within


def kill_in_mid_chunk(plant: Plant, org: Org, job_id: str, worker: Process) -> None:
    """Kill a worker with its two children while both are inserting."""
    with plant.overseer() as overseer:
        assert within(30, lambda: inserting(overseer) == 2 and halfway(org, job_id))
    kill_with_children(worker)
    assert halfway(org, job_id)


def test_a_job_survives_kill_9_of_every_worker_process(plant: Plant, crew: Crew) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.25), plant.running("beat"):
        with plant.running("worker") as (worker,):
            kill_in_mid_chunk(plant, crew, job_id, worker)
        with plant.running("worker"):
            job = accounted(crew, job_id)
    assert (job.state, job.succeeded) == ("succeeded", crew.size)


@pytest.mark.matrix
def test_control_a_job_stays_unfinished_after_kill_9_without_the_rescue(plant: Plant, crew: Crew) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.25), plant.running("worker") as (worker,):
        kill_in_mid_chunk(plant, crew, job_id, worker)
    plant.empty_redis()  # one wake-up message left in it would be enough to continue
    with plant.running("worker", settings=WITHOUT_RESCUE):
        assert stuck(crew, job_id, for_seconds=5)
        assert halfway(crew, job_id)
    with plant.running("worker"):
        assert accounted(crew, job_id).succeeded == crew.size
