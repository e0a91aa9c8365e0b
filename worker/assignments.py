"""Reminding of due dates: a task wakes every organization, another one reminds of a batch."""

from shared import access, assignments, clock
from worker.app import config, parts
from worker.task import task


@task("assignments.remind")
def remind() -> None:
    """Have every organization look for assignments of which a reminder is due."""
    with parts.database.transaction(None) as db:
        organizations = access.list_organization_ids(db)
    for org_id in organizations:
        parts.broker.send("assignments.remind_organization", org_id)


@task("assignments.remind_organization")
def remind_organization(org_id: str) -> None:
    """Remind of one batch, and pass the wake-up on where there are more. Nothing while training is not available."""
    with parts.database.transaction(org_id) as db:
        organization = access.get_organization(db)
        if access.unavailability(organization, config.features):
            return
        now = clock.now()
        today = clock.day_in(organization.time_zone, now)
        found = assignments.remind(db, organization.time_zone, today, now).found
    if found == assignments.REMINDER_BATCH:
        parts.broker.send("assignments.remind_organization", org_id)
