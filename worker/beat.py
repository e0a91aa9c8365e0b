"""The Celery application of beat: it sends the periodic tasks and executes none.

So it imports neither tasks nor PostgreSQL, and starts in half the time. The workers' application is built on it.
"""

import signal
from types import FrameType
from typing import Any

from celery import Celery
from celery.signals import setup_logging

from shared import logs, settings
from shared.broker import make_celery
from worker.schedule import SCHEDULE

LAST_TICK_SECONDS = 3.0
"""How long a tick may take that is under way at a stop. `rollcall up` kills beat after 10 s."""


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


def make_program(app: Celery, log_level: str) -> Any:
    """Returns celery's beat, which ends between two ticks.

    Its own handler of SIGTERM closes the connection on which a message may be just being sent: it logs "I/O operation
    on closed file" with a traceback. If a tick does not end, because Redis hangs, it is interrupted after a while.
    """

    class Program(app.Beat):  # type: ignore[name-defined, misc]
        def install_sync_handler(self, service: Any) -> None:
            def stop(_number: int, _frame: FrameType | None) -> None:
                service._is_shutdown.set()  # `stop` would log, which a handler must not
                signal.setitimer(signal.ITIMER_REAL, LAST_TICK_SECONDS)

            def interrupt(_number: int, _frame: FrameType | None) -> None:
                raise SystemExit

            signal.signal(signal.SIGALRM, interrupt)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)

    return Program(app=app, loglevel=log_level, quiet=True)


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    config = settings.current()
    logs.configure(config.log_format, config.log_level)
