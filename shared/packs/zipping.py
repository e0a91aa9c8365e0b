"""A ZIP file that is written while it is sent: nothing of it is kept, in memory or on a disk."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any


class _Taken(io.RawIOBase):
    """A file that is written from the beginning to the end, and emptied meanwhile."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, content: Any) -> int:
        """Append bytes."""
        before = len(self._written)
        self._written += content
        return len(self._written) - before

    def taken(self) -> bytes:
        """Return what was written since the last call."""
        content = bytes(self._written)
        self._written.clear()
        return content


def zipped(pages: Iterable[list[tuple[str, bytes]]], at: datetime) -> Iterator[bytes]:
    """Yields the ZIP of files whose parts come in order, each with the name of its file. at: the time of all files.

    The same parts and time always give the same bytes.
    """
    sink = _Taken()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        name, file = "", None
        for page in pages:
            for part_name, content in page:
                if part_name != name:
                    if file is not None:
                        file.close()
                    about = zipfile.ZipInfo(part_name, at.timetuple()[:6])
                    about.compress_type = zipfile.ZIP_DEFLATED
                    name, file = part_name, archive.open(about, "w")
                assert file is not None
                file.write(content)
            yield sink.taken()
        if file is not None:
            file.close()
    yield sink.taken()
