"""What the workshop does about events once they are recorded: seal them."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared import clock, events
from worker.app import workshop
from worker.task import task

log = structlog.get_logger()


@task("events.seal")
def seal() -> None:
    """Seal a block of events for every organization that has unsealed ones, and pass the wake-up on where there are
    more: the backlog of one keeps neither another nor the jobs waiting."""
    with workshop.database.transaction(None) as db:
        due = events.organizations_with_unsealed_events(db)
    if [org_id for org_id in due if _seal_block(org_id)]:
        workshop.broker.send("events.seal")


def _seal_block(org_id: str) -> bool:
    """Seal one block. Answers whether there may be more. What the database refuses now is due again in a minute."""
    try:
        with workshop.database.transaction(org_id) as db:
            return events.seal(db, clock.now()) == events.LARGEST_BLOCK
    except SQLAlchemyError as error:
        log.warning("events not sealed", org=org_id, exc_info=error)
        return False
