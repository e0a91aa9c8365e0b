"""Sweeping licences: every organization once a night, and on request.

A lost wake-up does no harm: a run is a row, and the next tick of `licences.sweep` wakes an unfinished one again.
"""

from shared import clock, licences
from shared.services import sweeps
from shared.services.sweeps import Step
from worker.app import config, parts
from worker.task import task

STEPS_A_TURN = 5
"""Upper bound of steps in one task, which then sends a wake-up, so that it stays far below its time limit."""


@task("licences.sweep")
def sweep() -> None:
    """Begin tonight's run of every organization that is due, and wake every run that has not ended."""
    now = clock.now()
    with parts.database.transaction(None) as db:
        wanted = licences.organizations_to_sweep(db, now)
    for org_id in wanted:
        with parts.database.transaction(org_id) as db:
            licences.begin_tonight(db, now)
        parts.broker.send("licences.sweep_organization", org_id)


@task("licences.sweep_organization")
def sweep_organization(org_id: str, alone: bool = True) -> None:
    """Take a few steps of the organization's run, and send a wake-up if more may be due.

    alone: True if no second worker was woken yet. If one step is not enough, this task wakes one. Two workers run half
    of each step concurrently: the licences, until one locks the event counter.
    """
    for _ in range(STEPS_A_TURN):
        with parts.database.transaction(org_id) as db:
            taken = sweeps.take_step(db, config.features, config.worker_concurrency, clock.now())
        if taken is not Step.MORE:
            break
        if alone:
            parts.broker.send("licences.sweep_organization", org_id, False)
            alone = False
    else:
        parts.broker.send("licences.sweep_organization", org_id, False)
        return
    if taken is Step.DONE:
        parts.broker.send("jobs.run", org_id)
