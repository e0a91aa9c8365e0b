"""A job is cancelled at a random moment: every recipient gets exactly one outcome, done or cancelled.

Guards: cancelling takes only chunks whose row lock is free, so none that a worker is working on; one statement locks a
chunk and reads its state; a constraint in the database holds the sums of the job.
"""

import random
import time
from collections.abc import Iterator

import pytest

from shared.access import Permission
from tests.factories import Org
from tests.faults.accounts import accounted
from tests.faults.orders import crew_members, submit
from tests.faults.plant import Plant
from tests.faults.sabotage import slowly

SIZE = 10_000
LONGEST_WAIT = 1.0


@pytest.fixture(scope="module")
def _at_work(plant: Plant) -> Iterator[None]:
    """A worker that needs about a second for such a job."""
    with plant.running("worker", "beat"), slowly(plant.owner_url, 0.1):
        yield


@pytest.mark.usefixtures("_at_work")
@pytest.mark.parametrize("seed", range(6))
def test_every_recipient_of_a_job_cancelled_at_a_random_moment_has_one_outcome(crew: Org, seed: int) -> None:
    job_id = submit(crew, crew_members(SIZE))
    time.sleep(random.Random(seed).uniform(0, LONGEST_WAIT))
    answer = crew.client(Permission.ASSIGN).post(f"/v1/jobs/{job_id}/cancel")
    assert answer.status_code in (200, 409), answer.text
    job = accounted(crew, job_id)
    assert job.succeeded + job.cancelled == SIZE
    if answer.status_code == 409:
        assert job.state == "succeeded"
    else:
        assert job.state == ("cancelled" if job.cancelled else "succeeded")
