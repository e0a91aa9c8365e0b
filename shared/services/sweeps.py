"""The expiry sweep: list its runs, request one, and take one step of a run in one transaction.

A step submits renewals first, records the events that are due, then ends the run if nothing is left. The worker's tasks
take steps; `rollcall sweep` takes the same steps without a broker.
"""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, directory, jobs, licences
from shared.access import Caller, Permission
from shared.assignments import CreateJob
from shared.jobs import Submission
from shared.licences import Renewal, Sweep
from shared.services.assignments import CREATE
from shared.services.verbs import verb

RENEWALS_A_STEP = 2000


class Step(StrEnum):
    """The result of one step.

    more: more may be due. done: nothing is due, and every run has ended. waits: there is nothing to do here, because
    other workers hold what is due and one of them ends the run, or no run is wanted, or training is not available.
    """

    MORE = "more"
    DONE = "done"
    WAITS = "waits"


@verb(Permission.VIEW, Permission.ADMIN)
def list_sweeps(db: Session, _: Caller) -> Select[Sweep]:
    """Select the runs over the caller's organization, the newest first."""
    return licences.list_sweeps(db)


@verb(Permission.VIEW, Permission.ADMIN)
def get_sweep(db: Session, _: Caller, sweep_id: uuid.UUID) -> Sweep:
    """Return one run over the caller's organization. Raises NotFound."""
    return licences.get_sweep(db, sweep_id)


@verb(Permission.ADMIN, whole=True)
def ask_sweep(db: Session, caller: Caller, now: datetime) -> Sweep:
    """Request a run over the caller's organization now."""
    return licences.ask_sweep(db, caller.actor, now)


def take_step(db: Session, features: frozenset[str], workers: int, now: datetime) -> Step:
    """Take one step of the organization's earliest unfinished run.

    Workers may run this concurrently. A worker that did some work but could not finish the run, because other workers
    hold rows, takes another step. So the last of them to commit sees that nothing is left, and ends the run.
    """
    organization = access.get_organization(db)
    sweep_id = licences.unfinished(db)
    if sweep_id is None or access.unavailability(organization, features):
        return Step.WAITS
    renewals = licences.due_renewals(db, organization.time_zone, now, RENEWALS_A_STEP)
    batch = licences.sweep_batch(db, sweep_id, now)
    for renewal in renewals:
        _assign(db, renewal, workers, now)
    renewed = sum(len(renewal.party_ids) for renewal in renewals)
    if renewed:
        licences.count_renewals(db, sweep_id, renewed)
    if renewed == RENEWALS_A_STEP or batch.size == licences.BATCH:
        return Step.MORE
    if licences.finish_sweep(db, now):
        return Step.DONE
    return Step.MORE if renewed or batch.size else Step.WAITS


def _assign(db: Session, renewal: Renewal, workers: int, now: datetime) -> None:
    """Submit a job that assigns the course again. It needs no approval: the course's rule is the approval."""
    request = CreateJob(
        course_id=renewal.course_id,
        course_version_id=renewal.course_version_id,
        version_label=renewal.version_label,
        recipients=len(renewal.party_ids),
        folder_ids=[],
        reason=f"Renewal: the licence ends within {renewal.before_days} days",
        due_on=renewal.due_on,
        notify=True,
        if_completed="assign",
    )
    submission = Submission(kind=CREATE, request=request, actor=licences.SWEEPER)
    recipients = directory.recipients(party_ids=renewal.party_ids, folder_ids=[])
    jobs.submit(db, submission, recipients, workers=workers, now=now)
