"""The programs of a deployment, each in the foreground of this process until a signal ends it.

Each imports what it alone runs on: four start at once under `rollcall up`, and the clock needs no web server.
"""

import os
import socket
import sys
import warnings
from collections.abc import Sequence

from cli.processes import CannotStart
from cli.system import System
from shared import logs

_LAST_REQUESTS_SECONDS = 8
"""What a request in hand gets to end in; `up` waits 10 s before it kills."""


_BEHIND_THE_JOBS = 5
"""Where processors are few, what happened must wait until it has happened: jobs come first."""


def api(system: System, host: str, port: int) -> None:
    """The HTTP API, in one process. Raises CannotStart where the address cannot be listened on."""
    import uvicorn

    system.export()
    logs.configure(system.settings.log_format, system.settings.log_level)
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        log_config=None,  # ours stands already
        access_log=False,  # addresses hold ids of parties; /metrics counts requests
        server_header=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[_listen(host, port)])
    if not server.started:
        sys.exit(1)


def worker(system: System, queues: Sequence[str]) -> None:
    """A worker: one process that takes wake-ups in, and `worker_concurrency` that carry them out.

    One for deliveries alone is a sender: a single process, whose threads talk to receivers and share what is kept open
    to them. Raises CannotStart for a queue that is none.
    """
    system.export()
    from worker.app import DELIVERIES, QUEUES, SENDER_THREADS, app, open_workshop  # settings are read on import

    if unknown := sorted(set(queues) - set(QUEUES)):
        raise CannotStart(f"{unknown[0]} is not a queue; there are {' and '.join(QUEUES)}.")
    sends = set(queues) == {DELIVERIES}
    if sends:
        open_workshop(name="sender", pool_size=SENDER_THREADS)  # no process is forked that would do it
        os.nice(_BEHIND_THE_JOBS)
    warnings.filterwarnings("ignore", module="celery.platforms")  # of root: messages are JSON, so none can be code
    program = app.Worker(
        hostname=f"{'sender' if sends else 'worker'}-{os.getpid()}@{socket.gethostname()}",  # two of one name are one
        queues=list(queues) or list(QUEUES),
        pool="threads" if sends else "prefork",
        concurrency=SENDER_THREADS if sends else system.settings.worker_concurrency,
        loglevel=system.settings.log_level.upper(),
        quiet=True,
        without_gossip=True,  # workers need not know of each other: PostgreSQL hands out the work
        without_mingle=True,
        without_heartbeat=True,
    )
    program.start()
    sys.exit(program.exitcode)


def beat(system: System) -> None:
    """The clock that sends what is periodic. Two of them do no harm."""
    system.export()
    from worker.beat import make_clock  # reads the settings when it is imported

    app = make_clock(system.settings.need_redis_url())
    app.Beat(loglevel=system.settings.log_level.upper(), quiet=True).run()


def migrate(system: System) -> None:
    """Bring the database up to date, and say what it has reached. Raises CannotStart."""
    import psycopg

    import migrations
    from cli.failures import unreachable

    with system.awake():
        url, features = system.owner_url, system.settings.features
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise CannotStart(unreachable(url, error)) from None
        behind = migrations.missing(url, features)
        migrations.upgrade(url, features)
    done = f"migrated {' and '.join(behind)}" if behind else "there was nothing to do"
    print(f"The database is current, with {' and '.join(features) or 'no feature'}: {done}.")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
        # What it accepts inherits this. asyncio sets it only on sockets made with an explicit protocol, which these are
        # not, and then each answer on a kept connection waits 40 ms for the acknowledgement of its own head.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise CannotStart(f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port.") from None
