"""kill -9 of every worker process in the middle of 20,000.

Guards: a chunk's row lock, which dies with its connection and so frees what the dead had begun; work and settling in
one transaction, so that nothing of it is half there; and `jobs.rescue`, which finds what nobody was told of any more.
"""

from cli.processes import Process
from tests.factories import Org
from tests.faults.accounts import accounted, halfway, stuck
from tests.faults.orders import CREW_SIZE, submit
from tests.faults.plant import Plant, inserting, kill_with_children
from tests.faults.sabotage import slowly
from tests.waiting import within


def kill_in_mid_chunk(plant: Plant, org: Org, job_id: str, worker: Process) -> None:
    """Kill a worker with its children while both of them are inserting."""
    with plant.overseer() as overseer:
        assert within(30, lambda: inserting(overseer) == 2 and halfway(org, job_id))
    kill_with_children(worker)
    assert halfway(org, job_id)


def test_20000_survive_kill_9_of_every_worker_process(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.25), plant.running("beat"):
        with plant.running("worker") as (worker,):
            kill_in_mid_chunk(plant, crew, job_id, worker)
        with plant.running("worker"):
            job = accounted(crew, job_id)
    assert (job.state, job.succeeded) == ("succeeded", CREW_SIZE)


def test_control_without_the_rescue_a_killed_job_stays_where_it_was(plant: Plant, crew: Org) -> None:
    job_id = submit(crew)
    with slowly(plant.owner_url, 0.25), plant.running("worker") as (worker,):
        kill_in_mid_chunk(plant, crew, job_id, worker)
    plant.empty_redis()  # a single wake-up left there would be enough to go on with
    with plant.running("worker"):
        assert stuck(crew, job_id, for_seconds=5)
        assert halfway(crew, job_id)
        with plant.running("beat"):
            assert accounted(crew, job_id).succeeded == CREW_SIZE
