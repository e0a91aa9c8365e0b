"""Sweeping licences: every organization once a night, and whenever somebody asks.

A lost wake-up does no harm: the run is a row, and the next tick wakes an unfinished one again.
"""

from shared import clock, licences
from shared.services import sweeps
from shared.services.sweeps import Step
from worker.app import config, parts
from worker.task import task

STEPS_A_TURN = 5
"""Then the wake-up is passed on: a task stays far below its time limit, and others have their turn."""


@task("licences.sweep")
def sweep() -> None:
    """Note down tonight's sweep where it is due, and wake every run that has not finished."""
    now = clock.now()
    with parts.database.transaction(None) as db:
        wanted = licences.organizations_to_sweep(db, now)
    for org_id in wanted:
        with parts.database.transaction(org_id) as db:
            licences.begin_tonight(db, now)
        parts.broker.send("licences.sweep_organization", org_id)


@task("licences.sweep_organization")
def sweep_organization(org_id: str, alone: bool = True) -> None:
    """Carry the organization's sweep on, a few transactions, and pass the wake-up on where more is due.

    alone: nobody was woken to help yet; where one transaction is not enough, somebody is. Half of each goes side by
    side: the licences, before the organization's event counter.
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
