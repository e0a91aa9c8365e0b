"""The data directory itself: one process has it at a time, and what it keeps there is private."""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
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
    return _kept(data_dir, "jwt-secret", lambda: secrets.token_urlsafe(48))


def credential_key(data_dir: Path) -> str:
    """The private keys that sign this data directory's credentials, in PEM; the first is made when somebody asks."""
    return _kept(data_dir, "credential-key.pem", new_credential_key)


def new_credential_key() -> str:
    """A P-256 key in PEM: of what may sign credentials, verifiers know its algorithm best."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = generate_private_key(SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _kept(data_dir: Path, name: str, new: Callable[[], str]) -> str:
    """What a private file of the data directory holds; where there is none, what is new goes into it."""
    make(data_dir)
    path = data_dir / name
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh, suppress(FileExistsError):
            fresh.write(new())
            fresh.flush()
            os.link(fresh.name, path)  # unlike a rename this lets the first of two win
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as fresh:
        fresh.write(text)
    os.replace(fresh.name, path)
