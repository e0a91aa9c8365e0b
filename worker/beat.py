"""The Celery application of beat: it sends the periodic tasks and executes none.

So it imports neither tasks nor PostgreSQL, and starts in half the time. The workers' application is built on it.
"""

from typing import Any

from celery import Celery
from celery.signals import setup_logging

from shared import logs, settings
from shared.broker import make_celery
from worker.schedule import SCHEDULE


def make_beat(redis_url: str) -> Celery:
    """A Celery application with the schedule. Its `Beat` sends to the workers that are connected to this Redis."""
    app = make_celery(redis_url)
    app.conf.update(
        beat_schedule=SCHEDULE,
        beat_scheduler="celery.beat:Scheduler",  # in memory; the default one keeps a file
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Redis may be away for a night
    )
    return app


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    config = settings.current()
    logs.configure(config.log_format, config.log_level)
