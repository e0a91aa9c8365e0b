"""Receivers of webhooks: a real server on 127.0.0.1 that answers well or badly, and keeps what it was told."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answering = Callable[[BaseHTTPRequestHandler, int], None]


@dataclass
class Receiver:
    """A server, and every message that it took in, in order: headers and body."""

    url: str
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events in the bodies."""
        return [json.loads(body) for body in self.bodies]

    @property
    def sequences(self) -> list[int]:
        """Their sequences."""
        return [int(event["sequence"]) for event in self.events]


def well(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Take it."""
    handler.send_response(204)
    handler.end_headers()


def status(code: int, **headers: str) -> Answering:
    """Always answer this."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang(released: threading.Event) -> Answering:
    """Say nothing until the test lets go."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        released.wait(60)
        handler.close_connection = True

    return answer


def reset(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Break the connection off."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True


def close(handler: BaseHTTPRequestHandler, before: int) -> None:
    """Take it, and close the connection without saying so."""
    well(handler, before)
    handler.close_connection = True


def long(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Take it, and say more than anybody reads."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"x" * 100_000)


def dribble(released: threading.Event) -> Answering:
    """A head of which a byte comes every tenth of a second, and no end."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        _write_until(released, handler, b"a", 0.1)

    return answer


def endless(released: threading.Event) -> Answering:
    """A body without an end, as fast as it is read."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
        _write_until(released, handler, b"x" * 65536, 0)

    return answer


def _write_until(released: threading.Event, handler: BaseHTTPRequestHandler, part: bytes, pause: float) -> None:
    handler.close_connection = True
    written = 0
    try:
        while not released.is_set():
            handler.wfile.write(part)
            written += len(part)
            time.sleep(pause)
    except OSError:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A connection that ends badly is what these tests are about."""


@contextmanager
def receiver(answer: Answering = well, *, certificate: Path | None = None) -> Iterator[Receiver]:
    """A server for as long as the block lasts. answer: given the request's handler and how many came before it.
    certificate: it is spoken to over TLS."""
    found = Receiver("")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            with lock:
                found.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                before = len(found.bodies)
                found.bodies.append(body)
                found.headers.append({name.lower(): value for name, value in self.headers.items()})
                found.open += 1
                found.most_open = max(found.most_open, found.open)
            try:
                answer(self, before)
            finally:
                with lock:
                    found.open -= 1

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        found.url = found.url.replace("http", "https", 1)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
