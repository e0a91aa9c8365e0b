"""The organization of the demo: `rollcall demo` notes its id in the data directory, and the API reads it there.

An organization of the same id that somebody added in earnest is not noted, so nobody can enter it as a persona.
`rollcall up` tells its API the data directory only if the database in it is its own.
"""

import os
from pathlib import Path

VARIABLE = "_ROLLCALL_EMBEDDED"
"""Environment variable with the data directory of an embedded database. It is no setting: nobody sets it by hand."""

_FILE = "demo"


def embedded_in() -> Path | None:
    """Return the data directory whose embedded database this process uses, or None."""
    given = os.environ.get(VARIABLE)
    return Path(given) if given else None


def note_organization(data_dir: Path, org_id: str) -> None:
    """Note the organization that the demo has made."""
    (data_dir / _FILE).write_text(org_id)


def demo_organization(data_dir: Path | None) -> str | None:
    """Return the id of the organization that the demo has made in this data directory, or None."""
    try:
        return None if data_dir is None else (data_dir / _FILE).read_text().strip() or None
    except (OSError, UnicodeError):
        return None
