"""Sends wake-ups. A message says only "there may be work"; the work itself is rows in PostgreSQL.

So a message may be lost, doubled or late without harm. Sending must never delay a request, and publishing to a hung
Redis blocks for 25 seconds by default. Connections therefore have short timeouts and one retry, and after a failure
nothing is sent for 2 seconds, because `jobs.rescue` finds the work anyway.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import redis
import structlog
from celery import Celery
from celery.exceptions import CeleryError
from kombu import Exchange, Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

log = structlog.get_logger()

QUEUE = "rollcall"
DELIVERIES = "deliveries"
"""The queue for copying events to Redis and for talking to other people's servers, so that neither delays a job."""

QUEUES = (QUEUE, DELIVERIES)
PAUSE_AFTER_FAILURE_SECONDS = 2.0
MOST_QUEUED = 4
"""Upper bound of queued messages at which a worker still passes a wake-up on. Wake-ups for jobs are all alike, so more
of them would only delay the sweeps and reminders behind them."""

MOST_QUEUED_BY_REQUESTS = 16
"""The same bound for requests. It is higher, so that a queue of other tasks does not leave a new job to the rescue."""

PATIENCE_SECONDS = 0.05
"""One thread at a time sends; the others wait this long for their turn, so that a hung Redis blocks only one thread."""


Message = tuple[str, tuple[Any, ...]]

_unsent: ContextVar[deque[Message] | None] = ContextVar("unsent", default=None)


def make_celery(redis_url: str) -> Celery:
    """Returns a Celery application with the transport settings that senders and workers share."""
    app = Celery("rollcall", broker=redis_url, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
        task_default_queue=QUEUE,
        task_default_exchange=QUEUE,
        task_default_routing_key=QUEUE,
        task_routes={"deliveries.*": {"queue": DELIVERIES}, "events.*": {"queue": DELIVERIES}},
        task_create_missing_queues=False,  # a misspelt queue must fail, not fill up unread
        task_serializer="json",
        accept_content=["json"],
        enable_utc=True,
        task_ignore_result=True,  # results and chords on Redis lose counters; completion is SQL
        result_backend=None,
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0},
        broker_connection_timeout=1,
        broker_transport_options={
            "visibility_timeout": 300,  # longer than any task, or a running one would be delivered again
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
            "socket_keepalive": True,
        },
    )
    return app


class Broker:
    """Sends wake-ups for one process. Never raises when the broker is unreachable."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._redis = redis.Redis.from_url(app.conf.broker_url, socket_timeout=2, socket_connect_timeout=1)
        self._quiet_until = 0.0
        self._turn = Lock()

    def send(self, task: str, *args: Any) -> bool:
        """Send one wake-up, ids only. Returns False if it was not sent; `jobs.rescue` will find the work then."""
        return self._send(task, args, most=None)

    def nudge(self, task: str, *args: Any, most: int = MOST_QUEUED) -> bool:
        """Send one wake-up, unless so many messages are queued for the workers. Returns False if Redis is away."""
        return self._send(task, args, most=most)

    def _send(self, task: str, args: tuple[Any, ...], *, most: int | None) -> bool:
        sent = self._sent(task, args, most)
        if not sent and (unsent := _unsent.get()) is not None:
            unsent.append((task, args))
        return sent

    def _sent(self, task: str, args: tuple[Any, ...], most: int | None) -> bool:
        if time.monotonic() < self._quiet_until or not self._turn.acquire(timeout=PATIENCE_SECONDS):
            return False
        try:
            if most is None or self._redis.llen(QUEUE) < most:
                self._app.send_task(task, args=args, ignore_result=True)
        except (KombuError, CeleryError, RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            log.warning("wake-up not sent", task=task, error=type(error).__name__)
            return False
        finally:
            self._turn.release()
        return True


@contextmanager
def keeping_unsent() -> Iterator[deque[Message]]:
    """Collect the wake-ups of this block that cannot be sent, so that the caller can do their work itself."""
    kept: deque[Message] = deque()
    before = _unsent.set(kept)
    try:
        yield kept
    finally:
        _unsent.reset(before)
