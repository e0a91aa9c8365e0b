"""Latency of requests that come at a steady rate, below what the server can answer."""

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Latency:
    """Seconds from when a request was due to its whole answer, also if it waited for a free connection."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        """Returns the median."""
        return median(self.seconds)

    @property
    def p99(self) -> float:
        """Returns the time that 99 of 100 answers do not exceed."""
        return quantiles(self.seconds, n=100)[98]


def paced(url: str, requests: Sequence[bytes], rate: float, seconds: float, connections: int) -> Latency:
    """Send so many requests a second over kept connections, each as soon as it is due and a connection is free."""
    parts = urlsplit(url)
    free: deque[socket.socket] = deque()
    waiting: deque[float] = deque()
    due: dict[socket.socket, float] = {}
    taken: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            one = socket.create_connection((parts.hostname, parts.port))
            selector.register(one, selectors.EVENT_READ, bytearray())
            free.append(one)
        begin, number, of_all = time.perf_counter(), 0, int(rate * seconds)
        while len(taken) < of_all:
            now = time.perf_counter()
            while number < of_all and begin + number / rate <= now:
                waiting.append(begin + number / rate)
                number += 1
            while waiting and free:
                one = free.popleft()
                due[one] = waiting.popleft()
                one.sendall(requests[number % len(requests)])
            pause = begin + number / rate - now if number < of_all else 1
            for key, _ in selector.select(max(0, pause)):
                connection, got = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                got += connection.recv(1 << 16)
                if is_whole(got):
                    got.clear()
                    taken.append(time.perf_counter() - due[connection])
                    free.append(connection)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return Latency(taken)


def is_whole(got: bytearray, status: bytes = b"200") -> bool:
    """True if the answer has arrived whole. Raises RuntimeError for an answer of another status."""
    head = got.find(b"\r\n\r\n")
    if head < 0:
        return False
    if not got.startswith(b"HTTP/1.1 " + status):
        raise RuntimeError(got.decode(errors="replace"))
    at = got.index(b"content-length: ", 0, head) + 16
    return len(got) >= head + 4 + int(got[at : got.index(b"\r", at)])
