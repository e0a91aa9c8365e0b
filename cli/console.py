"""One terminal for many programs: each line carries the name of who said it, and no line is torn by another's."""

import os
import selectors
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle

_COLOURS = (36, 33, 32, 35, 34, 31)
_LONGEST_LINE = 64 * 1024
"""Bytes after which a line is cut: a program that never ends its line must not fill our memory."""


class Console:
    """Collects what the programs print. It has no thread of its own: nothing appears unless somebody calls `pump`."""

    def __init__(self, names: Iterable[str], coloured: bool | None = None) -> None:
        names = list(names)
        width = max(map(len, names), default=0)
        if coloured is None:
            coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        paint = "\033[{}m{}\033[0m" if coloured else "{1}"
        self._prefixes = {
            name: paint.format(colour, f"{name:{width}} |").encode() + b" "
            for name, colour in zip(names, cycle(_COLOURS), strict=False)
        }
        self._selector = selectors.DefaultSelector()
        self._unfinished: dict[int, bytes] = {}

    @contextmanager
    def voice(self, name: str) -> Iterator[int]:
        """A file descriptor for a child to print to; ours is closed after the block, so that its end is noticed."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._unfinished[reading] = b""
        self._selector.register(reading, selectors.EVENT_READ, name)
        try:
            yield writing
        finally:
            os.close(writing)

    def pump(self, seconds: float) -> bool:
        """Show what the programs print, waiting up to so many seconds for something. Whether there was anything."""
        events = self._selector.select(seconds)
        for key, _ in events:
            self._read(key.fd, key.data)
        return bool(events)

    def say(self, text: str, name: str | None = None) -> None:
        """Print a line of our own, in a program's name or in nobody's."""
        _write((self._prefixes[name] if name else b"") + text.encode() + b"\n")

    def _read(self, source: int, name: str) -> None:
        chunk = os.read(source, _LONGEST_LINE)
        *lines, rest = (self._unfinished[source] + chunk).split(b"\n")
        if rest and (not chunk or len(rest) > _LONGEST_LINE):
            lines, rest = [*lines, rest], b""
        self._unfinished[source] = rest
        if lines:
            _write(b"".join(self._prefixes[name] + line + b"\n" for line in lines))
        if not chunk:
            self._selector.unregister(source)
            del self._unfinished[source]
            os.close(source)


def _write(text: bytes) -> None:
    """Straight to the descriptor: what is buffered for a terminal that has gone would fail us again at the exit."""
    try:
        while text:
            text = text[os.write(sys.stdout.fileno(), text) :]
    except OSError:
        pass  # nobody listens any more; the programs go on
