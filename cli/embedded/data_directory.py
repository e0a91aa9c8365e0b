"""The data directory: one process holds it at a time, and its files are readable by their owner only.

fcntl is enough for the lock: the library filelock adds Windows, where `rollcall up` does not run.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.processes import CannotStart


class DataDirectoryBusy(CannotStart):
    """Another process holds this data directory."""


@contextmanager
def hold(data_dir: Path) -> Iterator[None]:
    """Hold a data directory while the block runs. The kernel releases it if we die. Raises DataDirectoryBusy."""
    make(data_dir)
    with (data_dir / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataDirectoryBusy(
                f"Another Rollcall process uses {data_dir}; wait until it ends, or choose another --data-dir."
            ) from None
        yield


def make(data_dir: Path) -> None:
    """Create the directory if it is missing, accessible to us alone. Raises CannotStart."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(
            f"The folder {data_dir} cannot be used ({error.strerror}); choose another with --data-dir."
        ) from None


def jwt_secret(data_dir: Path) -> str:
    """Returns the secret that signs this data directory's tokens. The first call makes it."""
    return _kept(data_dir, "jwt-secret", lambda: secrets.token_urlsafe(48))


def credential_key(data_dir: Path) -> str:
    """Returns the private keys, in PEM, that sign this data directory's credentials. The first call makes one."""
    return _kept(data_dir, "credential-key.pem", new_credential_key)


def new_credential_key() -> str:
    """Returns a new P-256 key in PEM: of the algorithms for credentials, most verifiers support this one."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = generate_private_key(SECP256R1())
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _kept(data_dir: Path, name: str, new: Callable[[], str]) -> str:
    """Returns the content of a private file in the data directory. Writes `new()` into it first if it is missing."""
    make(data_dir)
    path = data_dir / name
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=data_dir) as fresh, suppress(FileExistsError):
            fresh.write(new())
            fresh.flush()
            os.link(fresh.name, path)  # unlike a rename, it fails if another process was first
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only. A crash leaves the old content."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as fresh:
        fresh.write(text)
    os.replace(fresh.name, path)
