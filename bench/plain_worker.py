"""The Celery worker of the plain design: `celery --app bench.plain_worker worker`. Reads the settings `ROLLCALL_*`."""

from typing import Any

from celery.signals import worker_process_init

from bench.alternatives import TASK, assign_one, celery_for
from shared import settings
from shared.database import Database

config = settings.current()
app = celery_for(config)


class Process:
    """The database connection of this worker process."""

    database: Database


@worker_process_init.connect
def _open(**_: Any) -> None:
    Process.database = Database(config.need_database_url(), name="bench", pool_size=1)


@app.task(name=TASK)
def assign(one: dict[str, Any]) -> None:
    """Assign to one party."""
    assign_one(Process.database, one)
