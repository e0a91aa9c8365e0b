"""Deleting uploads that are over: they hold names of people, and nobody needs them after a day."""

from shared import clock, uploads
from shared.settings import TRAINING
from worker.app import config, parts
from worker.task import task


@task("uploads.purge")
def purge() -> None:
    """Delete the uploads of every organization whose time is over. A deployment without training has none."""
    if TRAINING not in config.features:
        return
    with parts.database.transaction(None) as db:
        uploads.purge(db, clock.now())
