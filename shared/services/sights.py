"""The part of a job that a caller sees. Every verb that reads a job or acts on one passes through here.

`shared.jobs` does not know the directory, so its conditions on parties are given to it here.
"""

import uuid
from functools import partial

from sqlalchemy.orm import Session

from shared import directory, jobs
from shared.access import Caller
from shared.jobs import Job, JobAnswer, Seen, Sight


def sight_of(caller: Caller) -> Sight | None:
    """Return what the caller sees of jobs, None for a caller who sees all parties."""
    if caller.folders is None:
        return None
    inside = partial(directory.in_folders, folders=caller.folders)
    return Sight(caller.actor, inside=inside, known=directory.is_known)


def get_seen(db: Session, sight: Sight | None, job_id: uuid.UUID) -> Job | Seen:
    """Return one job, with what the caller sees of it if that may be a part. Raises NotFound."""
    return jobs.get(db, job_id) if sight is None else jobs.get_seen(db, job_id, sight)


def need_seen(db: Session, sight: Sight | None, job_id: uuid.UUID) -> Job:
    """Return a job that the caller sees, even if only in part. Raises NotFound."""
    return job_of(get_seen(db, sight, job_id))


def need_whole(db: Session, sight: Sight | None, job_id: uuid.UUID) -> Job:
    """Return a job whose recipients are all in the caller's folders. Raises NotFound, OutOfScope."""
    if sight is not None:
        jobs.need_whole(db, job_id, sight)
    return jobs.get(db, job_id)


def job_of(seen: Job | Seen) -> Job:
    """Return the job of what a caller sees."""
    return seen if isinstance(seen, Job) else seen[0]


def is_whole(seen: Job | Seen) -> bool:
    """True if the caller sees all recipients of the job."""
    return True if isinstance(seen, Job) else seen[2]


def answer_of(caller: Caller, seen: Job | Seen) -> JobAnswer:
    """Return the answer for what the caller sees of a job."""
    if isinstance(seen, Job):
        return JobAnswer.of(seen)
    return JobAnswer.of_seen(seen, own=seen[0].actor == caller.actor)
