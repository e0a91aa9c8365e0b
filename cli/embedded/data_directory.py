"""The data directory itself: one process has it at a time, and what it keeps there is private."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.processes import CannotStart


class DataDirectoryBusy(CannotStart):
    """Another process runs on this data directory."""


@contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Keep a data directory to ourselves; the kernel lets go of it when we die. Raises DataDirectoryBusy."""
    make(data_dir)
    with (data_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryBusy(f"Another process already runs on {data_dir}.") from None
        yield


def make(data_dir: Path) -> None:
    """Make the directory where it is missing, for us alone. Raises CannotStart."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{data_dir} cannot be used: {error.strerror}.") from None


def jwt_secret(data_dir: Path) -> str:
    """The shared secret of this data directory's tokens, made the first time somebody asks."""
    make(data_dir)
    path = data_dir / "jwt-secret"
    with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh, suppress(FileExistsError):
        fresh.write(secrets.token_urlsafe(48))
        fresh.flush()
        os.link(fresh.name, path)  # unlike a rename this lets the first of two win
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as fresh:
        fresh.write(text)
    os.replace(fresh.name, path)
