"""The terminal shared by the programs of `rollcall up`: each line starts with its program's name, and stays whole.

Why not a library: rich colours text, but does not read from several programs. honcho's printer does, with a process
for each program; here one thread must do everything, because on Linux a child's life is tied to the thread that
started it (see `spawn` in `cli.processes`).
"""

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
    """Collects the output of programs. It has no thread: output appears only while `show_output` is called."""

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
    def pipe(self, name: str) -> Iterator[int]:
        """Yields a file descriptor for a child's output. Closes our copy after the block, to notice the child's end."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._unfinished[reading] = b""
        self._selector.register(reading, selectors.EVENT_READ, name)
        try:
            yield writing
        finally:
            os.close(writing)

    def show_output(self, seconds: float) -> bool:
        """Print the programs' output, waiting up to this long for some. Returns whether there was any."""
        events = self._selector.select(seconds)
        for key, _ in events:
            self._read(key.fd, key.data)
        return bool(events)

    def say(self, text: str, name: str | None = None) -> None:
        """Print a line of our own, with a program's name in front or without one."""
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
    """Write to stdout's descriptor: a buffer that cannot be flushed to a closed terminal would fail at the exit."""
    try:
        while text:
            text = text[os.write(sys.stdout.fileno(), text) :]
    except OSError:
        pass  # the terminal is closed; the programs keep running
