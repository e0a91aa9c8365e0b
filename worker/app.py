"""The workers' Celery application: settings, each with the failure it prevents, and the connections of a process.

`celery -A worker.app worker` and `celery -A worker.app beat` work; `rollcall worker` and `rollcall beat` are the same.
"""

import time
from pkgutil import iter_modules
from typing import Any

import structlog
from celery.app.amqp import AMQP
from celery.signals import worker_init, worker_process_init, worker_process_shutdown, worker_shutdown
from kombu import Connection
from redis.exceptions import ResponseError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import worker
from shared import access, clock, settings
from shared.broker import DELIVERIES, QUEUE, QUEUES, Broker, make_celery
from shared.clock import Timekeeper
from shared.database import Database, UnsafeRole
from shared.deployment import Presence
from shared.events import Stream
from worker.beat import make_beat

log = structlog.get_logger()


class QuickConnection(Connection):
    """A connection to Redis that is tried again within a second. Kombu waits 2, 4, 6 and up to 30 seconds.

    A Redis that refuses commands, because its memory is full, is tried again too. Celery would end the worker, and with
    it the processes that look for due work without Redis.
    """

    @property
    def connection_errors(self) -> tuple[type[BaseException], ...]:
        """The errors after which Celery connects again."""
        return (*super().connection_errors, ResponseError)

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, and try again until it succeeds."""
        return super().ensure_connection(
            *args, **{"interval_start": 0.2, "interval_step": 0.2, "interval_max": 1.0} | options
        )


class QuickAMQP(AMQP):
    """Makes Celery's worker use that connection."""

    Connection = QuickConnection


config = settings.current()
app = make_beat(config.need_redis_url())
app.amqp_cls = QuickAMQP  # type: ignore[assignment]  # Celery takes a class too
app.set_default()
app.conf.update(
    include=[module.name for module in iter_modules(worker.__path__, "worker.")],  # a new module's tasks are found
    task_acks_late=True,  # a message is acknowledged only after its work
    task_reject_on_worker_lost=False,  # redelivery would loop at once; `jobs.rescue` repeats the work after a while
    worker_disable_prefetch=True,  # one slow chunk must not hold others back in its process
    worker_prefetch_multiplier=0,  # a prefetch limit counts messages whose acknowledgement a dying Redis
    # lost; at the limit the worker takes no messages and never notices that its connection is dead
    task_time_limit=60,  # seconds; kills a task that hangs
    task_soft_time_limit=45,
    worker_concurrency=config.worker_concurrency,
    worker_soft_shutdown_timeout=30,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # the work is not in Redis
    worker_max_memory_per_child=250_000,  # kilobytes; a leak ends a process, not the machine. Sheets take 190 MB
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
)
app.conf.broker_transport_options = app.conf.broker_transport_options | {"socket_timeout": 30}


class Parts:
    """The connections of one worker process. Opened after the fork, because processes cannot share connections."""

    database: Database
    broker: Broker
    stream: Stream
    timekeeper: Timekeeper
    presence: Presence | None = None
    noted_at = 0.0


parts = Parts()

NOTED_EVERY_SECONDS = 30.0


SENDER_THREADS = 8
"""Threads of a sender. Each has at most one transaction at a time; calls of webhooks need none."""


def open_parts(*, name: str = "worker", pool_size: int = 2) -> None:
    """Open the connections of this process."""
    parts.database = Database(
        config.need_database_url(),
        name=name,
        pool_size=pool_size,
        statement_timeout=config.statement_timeout,
        idle_timeout=1.5 * config.statement_timeout,
    )
    parts.timekeeper = Timekeeper(parts.database.time)
    parts.broker = Broker(make_celery(config.need_redis_url()))
    parts.stream = Stream(config.need_redis_url(), config.stream_length)


def available(db: Session) -> bool:
    """True if the organization of this transaction can use training now. Otherwise due work stays due until it can."""
    return access.unavailability(access.get_organization(db), config.features) is None


def note_presence() -> None:
    """Record from time to time that this process runs. A database error is left to the task that follows."""
    if parts.presence is None or time.monotonic() < parts.noted_at + NOTED_EVERY_SECONDS:
        return
    try:
        parts.presence.note(parts.database, clock.now())
        parts.noted_at = time.monotonic()
    except SQLAlchemyError as error:
        log.warning("process not noted", exc_info=error)


@worker_init.connect
def _begin(sender: Any = None, **_: Any) -> None:
    """Record that a worker starts, once and not in each child: a child that replaces another is no start."""
    sends = str(getattr(sender, "hostname", "")).startswith("sender-")
    parts.presence = Presence("sender" if sends else "worker", config)
    opened = Database(config.need_database_url(), name="start", pool_size=1)
    try:
        parts.presence.note(opened, clock.now())
    except (SQLAlchemyError, UnsafeRole) as error:
        log.warning("start not noted; a task does it later", exc_info=error)
    finally:
        opened.close()


@worker_shutdown.connect
def _end(**_: Any) -> None:
    """Remove the process from the list. If the database is away, the others find out by its silence."""
    if parts.presence is None:
        return
    opened = Database(config.need_database_url(), name="end", pool_size=1)
    try:
        parts.presence.end(opened)
    except (SQLAlchemyError, UnsafeRole):
        log.warning("end not noted")
    finally:
        opened.close()


@worker_process_init.connect
def _open(**_: Any) -> None:
    open_parts()


@worker_process_shutdown.connect
def _close(**_: Any) -> None:
    parts.database.close()


__all__ = [
    "DELIVERIES",
    "QUEUE",
    "QUEUES",
    "SENDER_THREADS",
    "app",
    "available",
    "note_presence",
    "open_parts",
    "parts",
]
