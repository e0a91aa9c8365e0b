"""Functions of verbs that submit jobs: the parties that a request names, checks of days, and the submission itself."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, directory, jobs
from shared.access import Caller
from shared.errors import Fault, InvalidInput
from shared.jobs import Accepted, JobRequest, Key, Kind, Submission


def submit(
    db: Session,
    caller: Caller,
    kind: Kind[Any],
    request: JobRequest,
    recipients: Select[Any],
    *,
    now: datetime,
    workers: int,
    key: Key | None = None,
    body: BaseModel | None = None,
    scoped: bool = True,
    **of: Any,
) -> Accepted:
    """Submit a job with the caller as its actor. Above the organization's change limit it waits for approval.

    key, body: those of the request, so that a repetition returns the same job. scoped: False for work that is not
    limited to the caller's folders.
    of: `retry_of` or `undo_of`.
    """
    submission = Submission(
        kind=kind,
        request=request,
        actor=caller.actor,
        scope=caller.folders if scoped else None,
        key=key,
        body=body,
        change_limit=0 if kind.by_two else access.get_organization(db).change_limit,
        **of,
    )
    return jobs.submit(db, submission, recipients, workers=workers, now=now)


def need_recipients(accepted: Accepted, pointer: str, detail: str) -> Accepted:
    """Return the job. Raises InvalidInput at `pointer` for a new job without recipients."""
    if not accepted.replayed and accepted.job.total == 0:
        raise InvalidInput(Fault(pointer, detail))
    return accepted


def named_parties(db: Session, caller: Caller, recipients: Sequence[str], folder_ids: Sequence[str]) -> Select[str]:
    """Select the parties that a request names by id and by folder, as a job's recipients. Raises InvalidInput."""
    need_folders(db, caller, folder_ids)
    return directory.recipients(party_ids=recipients, folder_ids=folder_ids)


def need_folders(db: Session, caller: Caller, folder_ids: Sequence[str], pointer: str = "/folderIds") -> None:
    """Raise InvalidInput if a folder does not exist or is outside the caller's scope, with a fault for each."""
    missing = set(directory.missing_folders(db, folder_ids, caller.folders))
    if missing:
        raise InvalidInput(
            *(
                Fault(f"{pointer}/{n}", "There is no such folder, or it is outside your scope.")
                for n, folder_id in enumerate(folder_ids)
                if folder_id in missing
            )
        )


def need_due_day(due_on: date | None, today: date, pointer: str = "/dueOn") -> None:
    """Raise InvalidInput for a due date in the past. today: the organization's day."""
    if due_on is not None and due_on < today:
        raise InvalidInput(Fault(pointer, "The due date may not lie in the past; today is the earliest."))


def day_it_happened(occurred_on: date | None, today: date) -> date:
    """Return the given day, or today if none is given. Raises InvalidInput for a day in the future."""
    if occurred_on is not None and occurred_on > today:
        raise InvalidInput(Fault("/occurredOn", "The day it happened may not lie in the future; today is the latest."))
    return occurred_on or today
