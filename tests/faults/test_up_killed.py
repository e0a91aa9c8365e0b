"""SIGKILL for the whole of `rollcall up` during a job, then `rollcall up` again on the same data directory.

Guards: the rows of a job are on disk when its 202 is sent; `rollcall up` ends the processes that a killed one left; and
`jobs.rescue`, because Redis has lost its file too, as a disk may.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.faults.accounts import accounted, halfway, stuck
from tests.faults.orders import SIZES, Crew, add_crew, new_org, submit
from tests.faults.plant import ROOT, SHRUNK, WITHOUT_RESCUE, Plant, forget, free_port, inherited
from tests.faults.sabotage import slow_down
from tests.waiting import runs, within


@contextmanager
def up(plant: Plant, port: int, changes: dict[str, str] | None = None) -> Iterator[None]:
    """Runs `rollcall up` until it is ready. At the end of the block, kills it and everything that it started."""
    data_dir = plant.postgres.data_dir
    printed = data_dir.with_suffix(".out")
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--port", str(port), "--data-dir", str(data_dir)],
            cwd=ROOT,
            env=inherited() | SHRUNK | (changes or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        assert within(60, lambda: "Rollcall is ready" in printed.read_text()), printed.read_text()
        yield
    finally:
        members = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in members:
            with suppress(psutil.NoSuchProcess):  # some end with the first
                member.kill()
        process.wait()
        assert within(20, lambda: not any(runs(member) for member in members))


@contextmanager
def killed_in_mid_job(plant: Plant, port: int, size: int) -> Iterator[tuple[Crew, str]]:
    """Yields a job in a data directory whose `rollcall up` was killed when the job was halfway done."""
    with ExitStack() as until_the_end:
        with up(plant, port):
            org = add_crew(until_the_end.enter_context(new_org(plant.environment)), size)
            slow_down(plant.owner_url, 0.25)
            job_id = submit(org)
            assert within(30, lambda: halfway(org, job_id))
        forget(plant.redis)
        org.parts.database.close()  # our own connections are dead too
        yield org, job_id


@pytest.mark.timeout(200)
@pytest.mark.parametrize("size", SIZES)
def test_a_job_survives_kill_9_of_everything_but_in_control_not_without_the_rescue(tmp_path: Path, size: int) -> None:
    plant, port = Plant(tmp_path / "data"), free_port()
    with killed_in_mid_job(plant, port, size) as (org, job_id), up(plant, port, WITHOUT_RESCUE):
        assert stuck(org, job_id, for_seconds=4)
        assert halfway(org, job_id)
        with plant.running("worker", "beat"):
            assert accounted(org, job_id).succeeded == size
