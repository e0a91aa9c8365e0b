"""What the workshop does about assignments: the work of one chunk of each kind of job, and reminding of due dates."""

import uuid

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared import access, assignments, clock, licences
from shared.jobs import Chunk, Tally
from worker.app import config, workshop
from worker.task import task

Assignments = Select[uuid.UUID, str, uuid.UUID, uuid.UUID]
"""`assignment_id, party_id, course_id, course_version_id`."""


def create(db: Session, chunk: Chunk) -> Tally:
    """Assign a course version to the recipients of a chunk."""
    return assignments.assign(db, chunk, clock.now())


def complete(db: Session, chunk: Chunk) -> Tally:
    """Complete the assignments that the recipients of a chunk mean, and license whom that licenses."""
    actor, now = chunk.job.actor, clock.now()

    def grant(completed: Assignments) -> None:
        licences.grant_on_completion(db, completed, actor, now, job_id=chunk.job.id)

    return assignments.complete_chunk(db, chunk, now, along=grant)


def close(db: Session, chunk: Chunk) -> Tally:
    """Close the assignments of a chunk."""
    return assignments.close_chunk(db, chunk, clock.now())


def undo(db: Session, chunk: Chunk) -> Tally:
    """Take back what another job did to the assignments of a chunk, and the licences which that earned."""
    now = clock.now()

    def take_back(reopened: Assignments) -> None:
        ids = reopened.with_only_columns(reopened.selected_columns.assignment_id)
        reason = f"Completion undone: job {chunk.job.request['undoOf']} was taken back"
        licences.take_back_completions(db, ids, reason, chunk.job.actor, now)

    return assignments.undo_chunk(db, chunk, now, along=take_back)


@task("assignments.remind")
def remind() -> None:
    """Have every organization look for assignments of which a reminder is due."""
    with workshop.database.transaction(None) as db:
        organizations = access.organization_ids(db)
    for org_id in organizations:
        workshop.broker.send("assignments.remind_organization", org_id)


@task("assignments.remind_organization")
def remind_organization(org_id: str) -> None:
    """Remind of one batch, and pass the wake-up on where there are more. Nothing while training is not available."""
    with workshop.database.transaction(org_id) as db:
        organization = access.organization(db)
        if access.unavailability(organization, config.features):
            return
        now = clock.now()
        today = clock.day_in(organization.time_zone, now)
        found = assignments.remind(db, organization.time_zone, today, now).found
    if found == assignments.REMINDER_BATCH:
        workshop.broker.send("assignments.remind_organization", org_id)
