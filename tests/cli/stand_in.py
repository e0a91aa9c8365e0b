"""Small programs that replace `python -m cli.main` in tests of `rollcall up`: migrate, api, worker, beat.

Run as a program: `stand_in.py migrate|api|worker|beat`. Each function imports what it needs, because most only wait.
"""

import os
import signal
import sys
import time
from types import FrameType


def migrate() -> None:
    """Create the table that the API writes to, as its owner."""
    import psycopg

    with psycopg.connect(os.environ["ROLLCALL_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS visit (at timestamptz DEFAULT now())")
        connection.execute("GRANT INSERT, SELECT ON visit TO rollcall_app")
        row = connection.execute("SELECT current_user").fetchone()
        print("migrated as", row and row[0])


def api(port: int) -> None:
    """Serve until a signal ends the program."""
    import http.server

    import psycopg

    from cli import handover

    class Api(http.server.BaseHTTPRequestHandler):
        """Sends status 200 if it can write a row, else 503."""

        def do_GET(self) -> None:
            try:
                with psycopg.connect(os.environ["ROLLCALL_DATABASE_URL"]) as connection:
                    connection.execute("INSERT INTO visit DEFAULT VALUES")
                    row = connection.execute("SELECT current_user, count(*) FROM visit").fetchone()
                status, body = 200, str(row)
            except psycopg.Error as error:
                status, body = 503, str(error)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Logs no requests."""

    given = handover.inherited()
    assert given is not None, f"`rollcall up` gave no socket for port {port}"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api, bind_and_activate=False)
    server.socket, line = given
    line.say(handover.SERVES)
    server.serve_forever()


def worker() -> None:
    """Fork a child that survives its parent, as a child of Celery's prefork pool can."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    idle()


def idle() -> None:
    """Wait until a signal ends the program."""
    while True:
        time.sleep(3600)


def _stop(_number: int, _frame: FrameType | None) -> None:
    print("goodbye", flush=True)
    os._exit(0)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _stop)
    print("settings", *sorted(name for name in os.environ if name.startswith("ROLLCALL_")), flush=True)
    match sys.argv[1:]:
        case ["migrate"] | ["migrate", "--finish"]:
            migrate()
        case ["api", "--port", port]:
            api(int(port))
        case ["worker", "--queues", "rollcall"]:
            worker()
        case ["worker", "--queues", "deliveries"] | ["beat"]:
            idle()
