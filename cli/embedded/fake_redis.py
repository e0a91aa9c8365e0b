"""The last resort where a machine has no Redis at all: fakeredis behind a socket.

It is run as a program of its own, so that its threads never share an interpreter with a worker. It takes any client
for authorised and does about a tenth of the work of a real Redis: good for a first look, for nothing else.
"""

import os

from fakeredis import TcpFakeServer


def serve() -> None:
    """Serve until killed, on the port and with the password that the environment names."""
    server = TcpFakeServer(("127.0.0.1", int(os.environ["FAKE_REDIS_PORT"])))
    server.daemon_threads = True  # otherwise an open connection keeps the process alive
    server.fake_server.config[b"requirepass"] = os.environb[
        b"FAKE_REDIS_PASSWORD"
    ]  # else it refuses the AUTH of our URL
    server.serve_forever()


if __name__ == "__main__":
    serve()
