"""Receivers of webhooks: a real server on 127.0.0.1 that answers as a test decides and keeps the messages."""

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
    """A server, and the headers and bodies of the messages it received, in order."""

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
    """Accept the message."""
    handler.send_response(204)
    handler.end_headers()


def status(code: int, **headers: str) -> Answering:
    """Always answer this status."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang(released: threading.Event) -> Answering:
    """Do not answer until the test sets `released`."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        released.wait(60)
        handler.close_connection = True

    return answer


def reset(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Reset the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()
    handler.close_connection = True


def close(handler: BaseHTTPRequestHandler, before: int) -> None:
    """Accept the message, and close the connection without announcing it."""
    well(handler, before)
    handler.close_connection = True


def long(handler: BaseHTTPRequestHandler, _: int) -> None:
    """Accept the message with a body longer than the client reads."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"x" * 100_000)


def dribble(released: threading.Event) -> Answering:
    """Send a head without an end, one byte every tenth of a second."""

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        _write_until(released, handler, b"a", 0.1)

    return answer


def endless(released: threading.Event) -> Answering:
    """Send a body without an end, as fast as it is read."""

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
        """Do not log connections that fail: these tests provoke them."""


def _handler(found: Receiver, answer: Answering) -> type[BaseHTTPRequestHandler]:
    """A request handler that notes each message and then answers."""
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
            """Log nothing."""

    return Handler


@contextmanager
def receiver(answer: Answering = well, *, certificate: Path | None = None) -> Iterator[Receiver]:
    """A server for the duration of the block.

    answer: called with the request's handler and the number of earlier messages. certificate: the server uses TLS.
    """
    found = Receiver("")
    server = _Server(("127.0.0.1", 0), _handler(found, answer))
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
