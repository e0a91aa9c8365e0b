"""Functions of verbs that act on a selection of assignments: the assignments that a request names, as recipients."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, directory
from shared.access import Caller
from shared.arrays import is_one_of
from shared.assignments import Assignment, AssignmentState, BulkRequest, Filters
from shared.services.sights import need_seen, sight_of

NOTHING_MATCHES = "", "Nothing matches, so there is nothing to do."


def select_assignments(
    db: Session,
    caller: Caller,
    body: BulkRequest,
    now: datetime,
    states: Collection[AssignmentState] = (AssignmentState.ASSIGNED,),
) -> Select[str]:
    """Select the assignments that a bulk act names, as a job's recipients. Raises NotFound for an unknown job.

    states: those that the act can change; of a job or
    a filter that names no state only these are selected. A selection that the caller sees only in part means that part.
    """
    if body.assignment_ids is not None:
        return _as_recipients(body.assignment_ids)
    today = access.today(db, now)
    if body.job_id is not None:
        need_seen(db, sight_of(caller), body.job_id)
        given: dict[str, Any] = {"job_id": body.job_id}
    else:
        given = body.filter.given() if body.filter else {}
    filters = Filters(today, **given)
    rows = assignments.select_recipients(db, filters, caller.folders, () if "state" in given else states)
    return rows if body.except_ids is None else rows.where(~is_one_of(Assignment.id, body.except_ids))


def _as_recipients(assignment_ids: Iterable[uuid.UUID]) -> Select[str]:
    """Select these assignments as a job's recipients."""
    return directory.recipients(party_ids={str(assignment_id) for assignment_id in assignment_ids}, folder_ids=[])
