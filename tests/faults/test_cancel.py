"""A job is cancelled at a random moment: every recipient gets exactly one outcome, done or cancelled.

Guards: cancelling takes only chunks whose row lock is free, so none that a worker is working on; one statement locks a
chunk and reads its state; a constraint in the database holds the sums of the job.
"""

import random
import time
from collections.abc import Iterator

import pytest

from shared.access import Permission
from tests.faults.accounts import accounted
from tests.faults.orders import Crew, submit
from tests.faults.plant import Plant
from tests.faults.sabotage import slowly

EACH_SECONDS = 0.0002
"""Time of a job for each party of the crew, with two processes and chunks that are slowed down."""

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.matrix) for seed in range(1, 6))]


@pytest.fixture(scope="module")
def _at_work(plant: Plant) -> Iterator[None]:
    """A worker that needs half a second for the small crew."""
    with plant.running("worker", "beat"), slowly(plant.owner_url, 0.1):
        yield


@pytest.mark.usefixtures("_at_work")
@pytest.mark.parametrize("seed", SEEDS)
def test_every_recipient_of_a_job_cancelled_at_a_random_moment_has_one_outcome(crew: Crew, seed: int) -> None:
    job_id = submit(crew)
    time.sleep(random.Random(seed).uniform(0, EACH_SECONDS * crew.size))
    answer = crew.client(Permission.ASSIGN).post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code in (200, 409), answer.text
    job = accounted(crew, job_id)
    assert job.succeeded + job.cancelled == crew.size
    if answer.status_code == 409:
        assert job.state == "succeeded"
    else:
        assert job.state == ("cancelled" if job.cancelled else "succeeded")
