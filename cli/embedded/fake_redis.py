"""The replacement on a machine without any Redis: fakeredis behind a TCP socket, run as a program of its own.

A program of its own, so that its threads share no interpreter with a worker. It handles about a tenth of the messages
of a real Redis and checks no passwords: use it for trying out only.
"""

import os

from fakeredis import TcpFakeServer


def serve() -> None:
    """Serve until killed, on the port and with the password from the environment."""
    server = TcpFakeServer(("127.0.0.1", int(os.environ["FAKE_REDIS_PORT"])))
    server.daemon_threads = True  # otherwise an open connection keeps the process alive
    # Without a password set, it refuses the AUTH command that clients send for the password in our URL.
    server.fake_server.config[b"requirepass"] = os.environb[b"FAKE_REDIS_PASSWORD"]
    server.serve_forever()


if __name__ == "__main__":
    serve()
