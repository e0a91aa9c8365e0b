"""`python -m migrations.check`: the models and the migrations say the same, tried on a real database from empty."""

import sys
import tempfile
from pathlib import Path

from alembic import command

import migrations
from cli import embedded
from shared.settings import TRAINING


def main() -> int:
    """0 when a database that ran every migration has nothing left to migrate."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder)) as addresses:
        migrations.upgrade(addresses.owner_database_url, frozenset({TRAINING}))
        command.check(migrations.configuration(addresses.owner_database_url))
    return 0


if __name__ == "__main__":
    sys.exit(main())
