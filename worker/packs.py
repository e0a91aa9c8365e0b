"""Packs: deleted when their time has passed."""

from shared import clock, packs
from shared.services import packs as verbs
from shared.settings import TRAINING
from worker.app import config, parts
from worker.task import task


@task("packs.purge")
def purge() -> None:
    """Delete the packs of every organization that were kept for their time. Without training there are none."""
    if TRAINING not in config.features:
        return
    now = clock.now()
    with parts.database.transaction(None) as db:
        due = packs.organizations_with_packs_over(db, now)
    for org_id in due:
        with parts.database.transaction(org_id) as db:
            verbs.delete_over(db, now)
