"""Reminders of due dates: one task wakes every organization, the other one records a batch of reminders."""

from shared import access, assignments, clock
from worker.app import config, parts
from worker.task import task


@task("assignments.remind")
def remind() -> None:
    """Send a wake-up for every organization."""
    with parts.database.transaction(None) as db:
        organizations = access.list_organization_ids(db)
    for org_id in organizations:
        parts.broker.send("assignments.remind_organization", org_id)


@task("assignments.remind_organization")
def remind_organization(org_id: str) -> None:
    """Record one batch of due reminders, and send another wake-up if more may be due. Skipped without training."""
    with parts.database.transaction(org_id) as db:
        organization = access.get_organization(db)
        if access.unavailability(organization, config.features):
            return
        now = clock.now()
        today = clock.day_in(organization.time_zone, now)
        found = assignments.remind(db, organization.time_zone, today, now).found
    if found == assignments.REMINDER_BATCH:
        parts.broker.send("assignments.remind_organization", org_id)
