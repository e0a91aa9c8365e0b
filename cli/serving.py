"""The programs of a deployment: each function runs one in the foreground of this process until a signal ends it.

Each imports only what it needs itself, because `rollcall up` starts four at once; `beat`, say, needs no web server.
"""

import os
import socket
import sys
import warnings
from collections.abc import Sequence

from cli.handover import inherited, listen
from cli.processes import CannotStart
from cli.system import System
from shared import logs

_LAST_REQUESTS_SECONDS = 8
"""Time for open requests to end at a stop. `rollcall up` kills the process after 10 s."""

_SENDER_NICENESS = 5
"""Lower priority of the sender on a machine with few processors: jobs come first."""


def api(system: System, host: str, port: int) -> None:
    """Run the API in one process. Raises CannotStart if it cannot listen on the address."""
    import uvicorn

    from api.http.connections import allowance, guarded
    from cli.web import Server

    system.export()
    logs.configure(system.settings.log_format, system.settings.log_level)
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        http=guarded(allowance(system.settings.api_connections)),
        log_config=None,  # configured above
        access_log=False,  # paths contain ids of parties; /metrics counts requests
        server_header=False,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    given = inherited()
    listening, line = given or (listen(host, port), None)
    server = Server(config, line)
    server.run(sockets=[listening])
    if not server.started:
        sys.exit(1)


def worker(system: System, queues: Sequence[str]) -> None:
    """Run a worker: one process that receives messages, and `worker_concurrency` child processes that do the work.

    A worker for the queue `deliveries` alone is a sender: a single process, whose threads share open connections to
    receivers. Raises CannotStart for an unknown queue.
    """
    system.export()
    from worker.app import DELIVERIES, QUEUES, SENDER_THREADS, app, open_parts  # settings are read on import
    from worker.looking import Looker

    if unknown := sorted(set(queues) - set(QUEUES)):
        raise CannotStart(f"There is no queue {unknown[0]}; choose from {' and '.join(QUEUES)}.")
    sends = set(queues) == {DELIVERIES}
    if sends:
        open_parts(name="sender", pool_size=SENDER_THREADS)  # otherwise each forked child does this
        os.nice(_SENDER_NICENESS)
    warnings.filterwarnings("ignore", module="celery.platforms")  # it warns of root and pickled messages; ours are JSON
    program = app.Worker(
        hostname=f"{'sender' if sends else 'worker'}-{os.getpid()}@{socket.gethostname()}",  # must be unique
        queues=list(queues) or list(QUEUES),
        pool="threads" if sends else "prefork",
        concurrency=SENDER_THREADS if sends else system.settings.worker_concurrency,
        loglevel=system.settings.log_level.upper(),
        quiet=True,
        without_gossip=True,  # workers need not know each other: PostgreSQL assigns the work
        without_mingle=True,
        without_heartbeat=True,
    )
    looker = Looker(queues, processes=1) if sends else None  # each forked child has its own
    if looker is not None:
        looker.start()
    program.start()
    if looker is not None:
        looker.stop()
    sys.exit(program.exitcode)


def beat(system: System) -> None:
    """Run beat, which sends the periodic messages. Two of them do no harm."""
    system.export()
    from worker.beat import make_beat, make_program  # reads the settings on import

    app = make_beat(system.settings.need_redis_url())
    make_program(app, system.settings.log_level.upper()).run()


def migrate(system: System, *, finish: bool = False) -> None:
    """Migrate the database, and print the result. Raises CannotStart. finish: no process of a former release runs."""
    import psycopg

    import migrations
    from cli.failures import unreachable
    from migrations import finishing

    with system.database_running():
        url, features = system.owner_url, system.settings.features
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise CannotStart(unreachable(url, error)) from None
        behind = migrations.missing(url, features)
        try:
            migrations.upgrade(url, features)
        except migrations.LaterRelease as error:
            raise CannotStart(str(error)) from None
        left = finishing.finish(url) if finish else finishing.unfinished(url)
        if system.settings.smtp_url:
            _switch_mail_on(url)
    done = f"Migrated {' and '.join(behind)}." if behind else "Nothing to migrate."
    print(f"{done} The database is up to date, with {' and '.join(features) or 'no optional feature'}.")
    if left and not finish:
        print("Run `rollcall migrate --finish` when no process of the former release runs any more.")


def _switch_mail_on(url: str) -> None:
    """Switch mail on in the database, before the first process plans deliveries."""
    from shared import clock, deployment
    from shared.database import Database

    database = Database(url, name="migrate", pool_size=1)
    try:
        with database.transaction(None) as db:
            deployment.switch_mail(db, True, clock.now())
    finally:
        database.close()
