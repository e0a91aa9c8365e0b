"""Sends wake-ups. A message says only "there may be work"; the work itself is rows in PostgreSQL.

So a message may be lost, doubled or late without harm. Sending must never delay a request, and publishing to a hung
Redis blocks for 25 seconds by default. Connections therefore have short timeouts and one retry, and after a failure
nothing is sent for 2 seconds, because `jobs.rescue` finds the work anyway.
"""

import time
from threading import Lock
from typing import Any

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
PATIENCE_SECONDS = 0.05
"""One thread at a time sends; the others wait this long for their turn, so that a hung Redis blocks only one thread."""


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
        self._quiet_until = 0.0
        self._turn = Lock()

    def send(self, task: str, *args: Any) -> bool:
        """Send one wake-up, ids only. Returns False if it was not sent; `jobs.rescue` will find the work then."""
        if time.monotonic() < self._quiet_until or not self._turn.acquire(timeout=PATIENCE_SECONDS):
            return False
        try:
            self._app.send_task(task, args=args, ignore_result=True)
        except (KombuError, CeleryError, RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            log.warning("wake-up not sent", task=task, error=type(error).__name__)
            return False
        finally:
            self._turn.release()
        return True
