"""One step of an organization's sweep, in one transaction: renewals first, then what is due, then the end of the run.

Apart from the tasks in `licences.py`, which need a broker: `rollcall sweep` takes the same steps without one.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from shared import access, directory, jobs, licences
from shared.jobs import Submission
from shared.licences import Renewal

RENEWALS_A_STEP = 2000


class Step(StrEnum):
    """more: there may be more to do. done: nothing is due, every run has ended. waits: others hold what is due, and one
    of them ends the run; nothing is wanted; or training is not available."""

    MORE = "more"
    DONE = "done"
    WAITS = "waits"


def step(db: Session, features: frozenset[str], workers: int, now: datetime) -> Step:
    """Take one step of the organization's earliest unfinished run.

    Several may, side by side. Who has done something and finds that others still hold some takes another step: so the
    last of them to commit sees that nothing is left, and ends the run.
    """
    organization = access.organization(db)
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
    """Submit a job that assigns the course again. It waits for nobody's approval: the course's rule is the approval."""
    request = {
        "courseId": str(renewal.course_id),
        "courseVersionId": str(renewal.course_version_id),
        "versionLabel": renewal.version_label,
        "recipients": len(renewal.party_ids),
        "folderIds": [],
        "reason": f"Renewal: the licence ends within {renewal.before_days} days",
        "dueOn": renewal.due_on.isoformat(),
        "notify": True,
        "ifCompleted": "assign",
    }
    submission = Submission(kind="assignments.create", request=request, actor=licences.SWEEPER)
    recipients = directory.recipients(party_ids=renewal.party_ids, folder_ids=[])
    jobs.submit(db, submission, recipients, workers=workers, now=now)
